package gateway

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"hydrant/gateway/auth"
	"hydrant/gateway/ingest"
)

// A person at the page has the rights of the key that is shown, and a look at them is no event.
func TestRightsOfAPerson(t *testing.T) {
	f, webKey, readerKey := startWithCredentials(t, &fakeLog{})
	actions := []string{auth.Records, auth.Flush, "CreateDeliveryStream"}
	denied := f.metric("hydrant_auth_failures_total", string(auth.Denied))
	for key, want := range map[string][]string{webKey: {auth.Records}, readerKey: nil} {
		for _, name := range []string{"clicks", ""} {
			got, err := f.Allowed(actions, name, "Bearer "+key)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("of %q: got %q, %v, want %q", name, got, err, want)
			}
		}
		err := f.As(auth.Records, "Bearer "+key, func(by ingest.Caller) error { return by.May("clicks") })
		if (err == nil) != (want != nil) {
			t.Errorf("got %v", err)
		}
	}
	if got, _ := f.Allowed(actions, "other", "Bearer "+webKey); got != nil {
		t.Errorf("of another stream: got %q", got)
	}
	for _, key := range []string{"", "Bearer nobody", "Basic x"} {
		if got, err := f.Allowed(actions, "clicks", key); err == nil || got != nil {
			t.Errorf("%q: got %q, %v", key, got, err)
		}
		if err := f.As(auth.Records, key, func(ingest.Caller) error { t.Error("it was done"); return nil }); err == nil {
			t.Errorf("%q: got no error", key)
		}
	}
	if now := f.metric("hydrant_auth_failures_total", string(auth.Denied)); now != denied+1 {
		t.Errorf("%v refusals are counted, want the one that was asked for", now-denied)
	}
}

// What comes from within is judged like what comes over the network.
func TestClientFromWithin(t *testing.T) {
	f, webKey, readerKey := startWithCredentials(t, &fakeLog{})
	client := f.Client()
	for key, want := range map[string]int{webKey: 200, readerKey: 403, "nobody": 401} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://within"+clicksURL, strings.NewReader("a\nb\n"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", ndjson)
		r.Header.Set("Authorization", "Bearer "+key)
		got, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(got.Body)
		if err != nil || got.Body.Close() != nil || got.StatusCode != want {
			t.Errorf("got %d %s, %v, want %d", got.StatusCode, text, err, want)
		}
	}
	if got := fmt.Sprint(f.log.stored()); got != "[a b]" {
		t.Errorf("stored are %s", got)
	}
}
