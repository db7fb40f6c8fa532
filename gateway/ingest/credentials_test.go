package ingest

import (
	"bytes"
	"testing"

	"hydrant/buffer"
	"hydrant/gateway/auth"
)

// guarded returns an Ingest that asks for credentials, and the head of a request by someone who may put to clicks.
func guarded(t *testing.T) (*Ingest, *fakeLog, auth.Head) {
	t.Helper()
	key, hash := auth.NewKey()
	credentials, faults := auth.New(auth.Config{Principals: map[string]auth.PrincipalConfig{"web": {
		APIKeys: []auth.KeyHash{{SHA256: hash}},
		Allow:   []auth.Rule{{Actions: []string{auth.Put}, Streams: []string{"clicks"}}},
	}}})
	if faults != nil {
		t.Fatal(faults)
	}
	log := &fakeLog{}
	return newIngest(t, Limits{}, Deps{Log: log, Guard: auth.NewGuard(credentials)}), log, auth.Head{Headers: []byte("Authorization: Bearer " + key + "\r\n")}
}

// A protocol that forgets one of the steps stores nothing: whatever is left out, the last look finds it.
func TestForgetfulProtocols(t *testing.T) {
	in, log, head := guarded(t)
	admit := func(r *Request) error { return r.Admit(head, auth.APIKey) }
	receive := func(r *Request) error { _, err := r.Receive(); return err }
	authorize := func(r *Request) error { return r.Authorize(auth.Records, []byte("clicks")) }
	for _, x := range []struct {
		name  string
		steps []func(*Request) error
		want  Code
	}{
		{"all steps", []func(*Request) error{admit, authorize, receive}, ""},
		{"the stream is known after the body", []func(*Request) error{admit, receive, authorize}, ""},
		{"nothing", nil, AccessDenied},
		{"no admission, read", []func(*Request) error{receive}, MissingCredentials},
		{"no admission, authorized", []func(*Request) error{authorize}, AccessDenied},
		{"no body", []func(*Request) error{admit, authorize}, AccessDenied},
		{"no right", []func(*Request) error{admit, receive}, AccessDenied},
		{"a right to something else", []func(*Request) error{admit, receive, func(r *Request) error {
			_ = r.Authorize(auth.Records, []byte("other"))
			return nil
		}}, AccessDenied},
	} {
		body := bytes.NewReader([]byte("abc"))
		req := in.Begin(body, 3)
		var err error
		for _, step := range x.steps {
			if err == nil {
				err = step(req)
			}
		}
		req.Records = append(req.Records, []byte("abc"))
		_, appended := in.Append(t.Context(), &Stream{ID: buffer.StreamID{1}, Name: "clicks", gate: new(gate), series: new(series)}, req)
		if x.want == MissingCredentials && body.Len() < 3 {
			t.Errorf("%s: the body was read", x.name)
		}
		req.End() // what follows begins with the same request, and must not inherit its rights
		if err == nil {
			err = appended
		}
		if got := codeOf(err); got != x.want || (appended == nil) != (x.want == "") {
			t.Errorf("%s: got %v and %v from Append, want %q", x.name, err, appended, x.want)
		}
	}
	if len(log.batches) != 2 {
		t.Errorf("%d batches were stored, want 2", len(log.batches))
	}
}

// A right to one stream is not a right to another that the protocol then appends to.
func TestAnotherStreamThanAuthorized(t *testing.T) {
	in, log, head := guarded(t)
	req := in.Begin(bytes.NewReader([]byte("abc")), 3)
	defer req.End()
	if err := req.Admit(head, auth.APIKey); err != nil {
		t.Fatal(err)
	}
	if _, err := req.Receive(); err != nil {
		t.Fatal(err)
	}
	if err := req.Authorize(auth.Records, []byte("clicks")); err != nil {
		t.Fatal(err)
	}
	req.Records = append(req.Records, []byte("abc"))
	if _, err := in.Append(t.Context(), &Stream{Name: "views"}, req); codeOf(err) != AccessDenied || len(log.batches) > 0 {
		t.Errorf("got %v, %d batches stored, want %s", err, len(log.batches), AccessDenied)
	}
}

func codeOf(err error) Code {
	if err == nil {
		return ""
	}
	return AsError(err).Code
}
