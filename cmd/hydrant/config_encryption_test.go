package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hydrant/buffer"
	"hydrant/stream"
)

func TestEncryptionFaults(t *testing.T) {
	const streams = "streams: {s: {destination: {directory: {path: /x}}, encrypt: "
	for text, want := range map[string]string{
		"encryption: {kms: {endpoint: \"http://127.0.0.1:1\"}}\n": "encryption.kms.region: the KMS needs a region",
		"encryption: {kms: {region: a, endpoint: here}}\n":        "encryption.kms.endpoint: ",
		streams + "yes}}\n":  `streams.s.encrypt: "yes" is no key: write node`,
		streams + "node}}\n": "streams.s.encrypt: the node has no master key: name encryption.key_file",
		streams + "\"arn:aws:kms:us-east-1:123456789012:alias/a\"}}\n":    "streams.s.encrypt: no KMS is configured",
		"encryption: {key_file: k}\n" + streams + "\"arn:aws:kms:x\"}}\n": `"arn:aws:kms:x" is no key`,
	} {
		if _, err := load(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// What is no key at all is one fault: no KMS would help.
func TestNoKeyIsOneFault(t *testing.T) {
	_, err := load(t, "streams: {s: {destination: {directory: {path: /x}}, encrypt: nodes}}\n")
	if faults, _ := errors.AsType[Faults](err); len(faults) != 1 {
		t.Errorf("got %v", err)
	}
}

// A key file that is not there, or that everybody may read, is worth a warning; a node starts all the same.
func TestKeyFileWarnings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "master.key")
	warned := func(text string) bool {
		c := mustLoad(t, "encryption: {key_file: "+file+"}\n")
		return slices.ContainsFunc(c.Warnings, func(f Fault) bool {
			return f.Path == "encryption.key_file" && strings.Contains(f.Message, text)
		})
	}
	if !warned("does not exist") {
		t.Error("a missing file is no warning")
	}
	var out, told bytes.Buffer
	if code := run([]string{"keys", "master"}, console{Out: &out, Err: &told}); code != exitGood {
		t.Fatalf("exit code %d: %s", code, &told)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if !warned("every user") {
		t.Error("a file that everybody may read is no warning")
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if warned("") {
		t.Error("a good file is worth a warning")
	}
	m, err := Encryption{KeyFile: file}.masters()(stream.NodeKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.New(t.Context(), 1); err != nil {
		t.Errorf("the key that the command made: %v", err)
	}
}

func TestMastersThatAreNotConfigured(t *testing.T) {
	for _, name := range []string{stream.NodeKey, "arn:aws:kms:us-east-1:123456789012:key/k"} {
		var missing *buffer.DataKeyError
		if _, err := (Encryption{}).masters()(name); !errors.As(err, &missing) || missing.Code != buffer.KeyNotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
}
