package kms

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"hydrant/buffer"
)

// isolate keeps this machine's own AWS settings away.
func isolate(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_CONFIG_FILE": "/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "", "AWS_SESSION_TOKEN": "",
	} {
		t.Setenv(name, value)
	}
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	var e *buffer.DataKeyError
	if !errors.As(err, &e) || e.Code != code || e.Passing() != (code == buffer.KeyUnreachable) {
		t.Errorf("%s: got %v, want %s", what, err, code)
	}
}

const someKey = "arn:aws:kms:us-east-1:123456789012:key/0"

// What a KMS answers decides whether somebody must act, or the next attempt may do.
func TestAnswersAreClassified(t *testing.T) {
	isolate(t)
	var answer string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-Errortype", answer)
		w.WriteHeader(http.StatusBadRequest)
	}))
	k := New(Config{Region: "us-east-1", Endpoint: server.URL})
	for name, code := range map[string]string{
		"NotFoundException": buffer.KeyNotFound, "AccessDeniedException": buffer.KeyDenied, "DisabledException": buffer.KeyDisabled,
		"KMSInvalidStateException": buffer.KeyInvalidState, "ExpiredTokenException": buffer.KeyDenied,
		"ThrottlingException": buffer.KeyUnreachable, "KMSInternalException": buffer.KeyUnreachable,
	} {
		answer = name
		_, _, err := k.Master(someKey).New(t.Context(), 1)
		wantCode(t, name, err, code)
	}
	server.Close()
	_, _, err := k.Master(someKey).Open(t.Context(), 1, []byte("wrapped"))
	wantCode(t, "nobody there", err, buffer.KeyUnreachable)
}

// An alias that names another key by now is how keys of a KMS are exchanged by hand: what the key before has wrapped still opens.
// A key that is named itself opens alone what it has wrapped.
func TestAliasIsMoved(t *testing.T) {
	isolate(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			KeyId             string
			EncryptionContext map[string]string
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.EncryptionContext["hydrant:data-key"] != "1" {
			t.Errorf("asked %+v, error %v", asked, err)
		}
		if asked.KeyId != "" {
			w.Header().Set("X-Amzn-Errortype", "IncorrectKeyException")
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, `{"Plaintext":"c2VjcmV0"}`)
	}))
	t.Cleanup(server.Close)
	k := New(Config{Region: "us-east-1", Endpoint: server.URL})
	if secret, _, err := k.Master("arn:aws:kms:us-east-1:123456789012:alias/hydrant").Open(t.Context(), 1, []byte("wrapped")); string(secret) != "secret" {
		t.Errorf("got %q, %v", secret, err)
	}
	_, _, err := k.Master(someKey).Open(t.Context(), 1, []byte("wrapped"))
	wantCode(t, "another key", err, buffer.KeyInvalidState)
}
