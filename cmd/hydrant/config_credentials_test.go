package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hydrant/gateway/auth"
)

const demoStreams = "streams: {demo: {destination: {directory: {path: objects}}}}\n"

func TestCredentialSettings(t *testing.T) {
	for text, want := range map[string]string{
		"listen: 0.0.0.0:80\ncredentials: c.yaml\ntls: {certificate: a, key: b}\n": "",
		"admin: 0.0.0.0:80\ncredentials: c.yaml\nadmin_auth: none\n":               "",
		"admin: 0.0.0.0:80\ncredentials: c.yaml\n":                                 `"admin_auth: none"`,
		"auth: none\ncredentials: c.yaml\n":                                        "would let everyone in",
		"admin_auth: none\n":                                                       "beside credentials",
		"admin_auth: some\ncredentials: c.yaml\n":                                  "not one of none",
		"tls: {certificate: a}\n":                                                  "go together",
		"tls: {key: a}\n":                                                          "go together",
		"tls: {client_ca: a}\n":                                                    "over TLS only",
	} {
		_, err := load(t, text+demoStreams)
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	if c := mustLoad(t, "listen: 0.0.0.0:80\ncredentials: c.yaml\n"+demoStreams); !strings.Contains(c.Warnings.Error(), "without TLS") {
		t.Errorf("without TLS: got warnings %v", c.Warnings)
	}
}

func TestExampleCredentials(t *testing.T) {
	const path = "../../configs/credentials.example.yaml"
	if _, _, err := loadCredentials(path, environment{"WEB_SECRET": "a secret for this test", "OPERATOR_SECRET": "another for this test"}); err != nil {
		t.Error(err)
	}
	if _, _, err := loadCredentials(path, nil); err == nil || !strings.Contains(err.Error(), "WEB_SECRET") {
		t.Errorf("without the variable: got %v, want it named", err)
	}
}

func TestCredentialFaults(t *testing.T) {
	const secret = "S3CRET-that-must-not-be-shown"
	hash := strings.Repeat("ab", 32)
	for text, want := range map[string]string{
		"":                            "c.yaml:1:1: principals: no principal is named, so nobody could send anything",
		"principals: [a]":             "c.yaml:1:13: principals: want a mapping of keys to values, found a list",
		"principals: {p: {allow: x}}": "c.yaml:1:25: principals.p.allow: want a list, found a single value",
		"principals: {p: {keys: []}}": `c.yaml:1:18: principals.p.keys: unknown key; known here are access_keys, allow, api_keys, certificates`,
		"principals:\n  p:\n    access_keys:\n      - {id: A, secret: x}\n      - {id: A, secret: " + secret + "}": "c.yaml:4:17: principals.p.access_keys.0.secret: a secret has at least 16 characters; AWS's have 40\n" +
			"c.yaml:5:10: principals.p.access_keys.1.id: this access key's id is named twice",
		"principals: {p: {api_keys: [" + secret + "]}}":                      "c.yaml:1:29: principals.p.api_keys.0: want a mapping of keys to values, found a single value",
		"principals: {p: {api_keys: [{sha256: " + secret + "}]}}":            "c.yaml:1:30: principals.p.api_keys.0.sha256: an API key is named by its SHA-256",
		"principals: {p: {api_keys: [{sha256: " + hash + "}], allow: [{}]}}": "c.yaml:1:114: principals.p.allow.0: a rule names actions and streams, at least one of each",
		"principals: {p: {access_keys: [{id: A, secret: '${ABSENT}'}]}}":     "c.yaml:1:48: principals.p.access_keys.0.secret: the environment has no variable ABSENT",
	} {
		path := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := loadCredentials(path, nil)
		faults, ok := err.(Faults)
		if !ok {
			t.Errorf("%s: got %v, want faults", text, err)
			continue
		}
		got := strings.ReplaceAll(faults.Error(), filepath.Dir(path)+"/", "")
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", text, got, want)
		}
		for _, f := range faults {
			if strings.Contains(f.String()+f.Excerpt(), secret) {
				t.Errorf("a secret is shown: %s\n%s", f, f.Excerpt())
			}
		}
	}
}

// What a variable holds is shown nowhere, whatever names it.
func TestValuesOfVariablesAreNotShown(t *testing.T) {
	const value = "S3CRET-that-must-not-be-shown"
	text := "principals: {p: {api_keys: [{sha256: " + strings.Repeat("ab", 32) + "}], allow: [{actions: ['${KEY}'], streams: ['all ${KEY}']}]}}"
	found := newReport("c.yaml", nil)
	parseCredentials(found, []byte(text), environment{"KEY": value})
	got := found.faults.Error()
	if len(found.faults) != 2 || !strings.Contains(got, `"${KEY}" is not one of`) || !strings.Contains(got, `"all ${KEY}" is no stream's name`) || strings.Contains(got, value) {
		t.Errorf("got\n%s", got)
	}
}

// The command's key is taken by the file that it prints.
func TestKeysNew(t *testing.T) {
	var out, diagnosis bytes.Buffer
	if code := run([]string{"keys", "new"}, console{Out: &out, Err: &diagnosis}); code != exitGood {
		t.Fatalf("exit code %d: %s", code, diagnosis.String())
	}
	path := writeConfig(t, diagnosis.String()) // whole, as it is to be kept
	credentials, _, err := loadCredentials(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	head := auth.Head{Headers: []byte("Authorization: Bearer " + strings.TrimSpace(out.String()) + "\r\n")}
	session := new(auth.Session)
	if err := auth.NewGuard(credentials).Admit(session, head, auth.APIKey); err != nil || session.Principal() != "producer" || session.May(auth.Records, "any") != nil {
		t.Errorf("got the principal %q, error %v", session.Principal(), err)
	}
	if strings.Contains(diagnosis.String(), strings.TrimSpace(out.String())) {
		t.Error("the key is shown twice")
	}
}
