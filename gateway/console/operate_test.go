package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// fakeOperator notes what is done, and does it for whoever has the key.
type fakeOperator struct {
	key  string
	done []string
}

var errDenied = errors.New("these credentials do not allow this on this stream")

func (f *fakeOperator) does(what, authorization string) error {
	if authorization != f.key {
		return errDenied
	}
	f.done = append(f.done, what)
	return nil
}

func (f *fakeOperator) Rights(stream, authorization string) ([]string, error) {
	if authorization != f.key {
		return nil, nil
	}
	return []string{"flush", "UpdateDestination"}, nil
}

func (f *fakeOperator) Call(_ context.Context, operation, authorization string, input []byte) ([]byte, error) {
	return []byte(`{"called":true}`), f.does(operation+string(input), authorization)
}

func (f *fakeOperator) Draft(_ context.Context, operation, authorization string, input, record []byte, _ time.Time) ([]Place, error) {
	return []Place{{Key: "p/" + string(record)}}, f.does("draft "+operation+string(input), authorization)
}

func (f *fakeOperator) Flush(_ context.Context, stream, authorization string) (objects, records int64, err error) {
	return 2, 5, f.does("flush "+stream, authorization)
}

func (f *fakeOperator) Start(stream, authorization, prefix string, plan bool) error {
	if plan {
		return f.does("plan "+stream+prefix, authorization)
	}
	return f.does("replay "+stream+prefix, authorization)
}

func (f *fakeOperator) Stop(stream, authorization string) error {
	return f.does("stop "+stream, authorization)
}

func (f *fakeOperator) State(_, authorization string) (any, error) {
	if authorization != f.key {
		return nil, errDenied
	}
	return map[string]bool{"running": true}, nil
}

// acts are all requests that change something, what they do and what they answer.
var acts = []struct{ path, body, does, answer string }{
	{"/console/call/CreateDeliveryStream", `{"a":1}`, `CreateDeliveryStream{"a":1}`, `{"called":true}`},
	{"/console/call/UpdateDestination", `{}`, `UpdateDestination{}`, `{"called":true}`},
	{"/console/call/TagDeliveryStream", `{}`, `TagDeliveryStream{}`, `{"called":true}`},
	{"/console/call/UntagDeliveryStream", `{}`, `UntagDeliveryStream{}`, `{"called":true}`},
	{"/console/call/StartDeliveryStreamEncryption", `{}`, `StartDeliveryStreamEncryption{}`, `{"called":true}`},
	{"/console/call/StopDeliveryStreamEncryption", `{}`, `StopDeliveryStreamEncryption{}`, `{"called":true}`},
	{"/console/draft/UpdateDestination", `{"input":{"b":2},"record":"r"}`, `draft UpdateDestination{"b":2}`, `"key":"p/r"`},
	{"/console/streams/clicks/flush", "", "flush clicks", `{"objects":2,"records":5}`},
	{"/console/streams/clicks/replay/plan", "", "plan clicks", `{"replay":{"running":true}}`},
	{"/console/streams/clicks/replay/plan", " earlier/", "plan clicks earlier/", `{"replay":{"running":true}}`},
	{"/console/streams/clicks/replay/start", "", "replay clicks", `{"replay":{"running":true}}`},
	{"/console/streams/clicks/replay/stop", "", "stop clicks", `{"replay":{"running":true}}`},
}

// What changes something is done for whoever may, from the page alone, where the configuration lets the console write.
func TestWhoMayChange(t *testing.T) {
	w, readOnly := newWorld(t, Config{Write: true}), newWorld(t, Config{})
	w.acts.key = "Bearer good"
	for _, act := range acts {
		good := []string{ownHeader, "1", "Authorization", "Bearer good"}
		if status, text := w.ask("POST", act.path, act.body, good...); status != 200 || !strings.Contains(text, act.answer) || !slices.Contains(w.acts.done, act.does) {
			t.Errorf("%s: %d %s, done are %q", act.path, status, text, w.acts.done)
		}
		done := len(w.acts.done)
		if status, text := w.ask("POST", act.path, act.body, ownHeader, "1"); status != http.StatusUnprocessableEntity || !strings.Contains(text, "do not allow") {
			t.Errorf("%s without the key: %d %s", act.path, status, text)
		}
		if status, _ := w.ask("POST", act.path, act.body, "Authorization", "Bearer good"); status != http.StatusForbidden {
			t.Errorf("%s from another page: %d", act.path, status)
		}
		if status, text := readOnly.ask("POST", act.path, act.body, ownHeader, "1"); status != http.StatusForbidden || !strings.Contains(text, "console: {write: true}") {
			t.Errorf("%s, read-only: %d %s", act.path, status, text)
		}
		if len(w.acts.done) != done || len(readOnly.acts.done) != 0 {
			t.Errorf("%s was done all the same: %q %q", act.path, w.acts.done, readOnly.acts.done)
		}
	}
	if status, _ := w.ask("POST", "/console/call/DeleteDeliveryStream", "{}", ownHeader, "1", "Authorization", "Bearer good"); status != http.StatusNotFound {
		t.Errorf("an operation that the page does not know: %d", status)
	}
}

// Who may do nothing sees no buttons.
func TestRights(t *testing.T) {
	w, readOnly := newWorld(t, Config{Write: true}), newWorld(t, Config{})
	w.acts.key = "Bearer good"
	for _, path := range []string{"/console/rights", "/console/streams/clicks/rights"} {
		if _, text := w.ask("GET", path, "", "Authorization", "Bearer good"); text != `{"rights":["flush","UpdateDestination"]}` {
			t.Errorf("%s: %s", path, text)
		}
		if _, text := w.ask("GET", path, ""); text != `{"rights":[]}` {
			t.Errorf("%s without the key: %s", path, text)
		}
		if _, text := readOnly.ask("GET", path, ""); text != `{"rights":[]}` {
			t.Errorf("%s, read-only: %s", path, text)
		}
	}
	if status, _ := w.ask("GET", "/console/streams/clicks/replay", ""); status != http.StatusForbidden {
		t.Errorf("the state of a replay without the key: %d", status)
	}
}
