package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hydrant/stream/definitions"
)

func TestAPIStreamsFaults(t *testing.T) {
	for text, want := range map[string]string{
		`{account: 12}`:    `c.yaml:1:15: api_streams.account: "12" is no account: write 12 digits`,
		`{role: maybe}`:    `c.yaml:1:15: api_streams.role: "maybe" is not one of assume, ignore`,
		`{endpoint: here}`: `c.yaml:1:15: api_streams.endpoint: "here" is no address of an S3 service`,
		`{region: "a b"}`:  `c.yaml:1:15: api_streams.region: "a b" is no region`,
		`{store: {s3: {endpoint: "http://127.0.0.1:1"}}}`: `c.yaml:1:23: api_streams.store.s3.bucket: name the bucket`,
		`{store: {s3: {bucket: fleet, prefix: x}}}`:       `c.yaml:1:43: api_streams.store.s3.prefix: "x" must end with a slash`,
		`{store: {s3: {bucket: fleet, endpoint: here}}}`:  `c.yaml:1:43: api_streams.store.s3.endpoint: "here" is no address of an S3 service`,
		`{lambda: {endpoint: "http://127.0.0.1:1"}}`:      `c.yaml:1:15: api_streams.lambda.role: "" is not one of assume, ignore`,
		`{lambda: {role: maybe}}`:                         `c.yaml:1:24: api_streams.lambda.role: "maybe" is not one of assume, ignore`,
		`{lambda: {role: ignore, endpoint: here}}`:        `c.yaml:1:38: api_streams.lambda.endpoint: "here" is no address of a Lambda service`,
		`{lambda: {role: ignore, region: "a b"}}`:         `c.yaml:1:38: api_streams.lambda.region: "a b" is no region`,
		`{lambda: {role: ignore, profile: "[a]"}}`:        `c.yaml:1:38: api_streams.lambda.profile: "[a]" is no name of a profile`,
		`{quota: {records: -1}}`:                          `c.yaml:1:23: api_streams.quota.records: -1 is below 0`,
		`{directory: x, endpoint: "http://127.0.0.1:1"}`:  `c.yaml:1:15: api_streams.directory: buckets are directories or in a store`,
	} {
		_, err := load(t, "api_streams: "+text+"\n")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// A stream that the file takes from the API is named before the node is started.
func TestCheckNamesShadowedStreams(t *testing.T) {
	dir := t.TempDir()
	store, err := definitions.OpenDirectory(filepath.Join(dir, "data", definitionsDir))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), "both", []byte("{}"), ""); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "hydrant.yaml")
	text := "data_dir: " + dir + "/data\nbuffer: {max_disk: 64MiB}\nstreams:\n" +
		"  both: {destination: {directory: {path: /x}}}\n  other: {destination: {directory: {path: /x}}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, told bytes.Buffer
	if code := run([]string{"check", "--config", file}, console{Out: &out, Err: &told}); code != exitGood {
		t.Fatalf("exit code %d: %s", code, told.String())
	}
	if n := strings.Count(told.String(), "was made through the API"); n != 1 || !strings.Contains(told.String(), "warning: streams.both:") {
		t.Errorf("got %s", told.String())
	}
}
