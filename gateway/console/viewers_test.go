package console

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// guardedWorld has the streams clicks and secret, a viewer of both and one of clicks alone.
func guardedWorld(t *testing.T, config Config) *world {
	t.Helper()
	w := newWorld(t, config)
	w.viewers.mu.Lock()
	w.viewers.known = map[string][]string{"Bearer all": {"clicks", "secret"}, "Bearer one": {"clicks"}, "Bearer other": {"secret"}}
	w.viewers.mu.Unlock()
	w.node.mu.Lock()
	w.node.others = []Stream{{Name: "secret", Accepting: true}}
	w.node.mu.Unlock()
	w.sample(time.Now())
	return w
}

// Nothing of a stream is shown but to those who may see it: without a key nothing at all.
func TestWhoMaySee(t *testing.T) {
	w := guardedWorld(t, Config{Write: true})
	w.records.key = "Bearer one"
	_, sent := w.ask("POST", "/console/streams/clicks/send", `{}`, ownHeader, "1", "Authorization", "Bearer one")
	var journey struct{ ID string }
	if err := json.Unmarshal([]byte(sent), &journey); err != nil {
		t.Fatal(err, sent)
	}
	w.Delivered(Object{Stream: "clicks", Partition: "\x00p/", From: 5, To: 9, Key: "p/its"}) // the way of the record is complete
	for _, path := range []string{
		"/console/streams/clicks", "/console/streams/clicks/failed", "/streams/clicks/errors", "/console/records/" + journey.ID, "/console/streams/clicks/try",
	} {
		method, body := "GET", ""
		if strings.HasSuffix(path, "/try") {
			method, body = "POST", "{}"
		}
		for key, want := range map[string]int{"Bearer all": 200, "Bearer one": 200, "Bearer other": 403, "Bearer unknown": 401, "": 401} {
			if status, text := w.ask(method, path, body, ownHeader, "1", "Authorization", key); status != want {
				t.Errorf("%s with %q: got %d %s, want %d", path, key, status, text, want)
			}
		}
	}
}

func TestOverviewShowsWhatMayBeSeen(t *testing.T) {
	w := guardedWorld(t, Config{})
	for _, path := range []string{"/console/overview", "/console/node"} {
		for key, want := range map[string][2]bool{"Bearer all": {true, true}, "Bearer one": {true, false}, "Bearer other": {false, true}} {
			status, text := w.ask("GET", path, "", "Authorization", key)
			if got := [2]bool{strings.Contains(text, "clicks"), strings.Contains(text, "secret")}; status != 200 || got != want {
				t.Errorf("%s with %q: %d, got %v, want %v in %s", path, key, status, got, want, text)
			}
		}
	}
	for _, path := range []string{"/console/overview", "/console/node", "/console/events"} {
		for _, key := range []string{"", "Bearer unknown"} {
			if status, text := w.ask("GET", path, "", "Authorization", key); status != http.StatusUnauthorized || text != "who are you\n" {
				t.Errorf("%s with %q: %d %s", path, key, status, text)
			}
		}
	}
}

// An event stream shows what its reader may see now, and ends with the right to look.
func TestEventsEndWithTheKey(t *testing.T) {
	w := guardedWorld(t, Config{Every: 20 * time.Millisecond})
	next, done := w.events("/console/events", "Bearer one")
	defer done()
	if text := next(); !strings.Contains(text, "clicks") || strings.Contains(text, "secret") {
		t.Error(text)
	}
	w.viewers.mu.Lock()
	delete(w.viewers.known, "Bearer one")
	w.viewers.mu.Unlock()
	for next() != "" {
	}
	if status, _ := w.ask("GET", "/console/events", "", "Authorization", "Bearer one"); status != http.StatusUnauthorized {
		t.Errorf("got %d", status)
	}
}
