package bench

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func testOptions(url string) Options {
	o := DefaultOptions()
	o.URL, o.Size, o.Connections = []string{url}, recordSize, 1
	return o
}

// exchangeOne sends one record to a gateway that treats every request alike.
func exchangeOne(t *testing.T, o Options) answer {
	t.Helper()
	c, err := connect(o, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	return c.exchange(c.protocol.appendBody(nil, newAuthor(testRun, 0, plain(o.Size, keyNames(1))), 0, 1), 1)
}

func TestExchange(t *testing.T) {
	for _, c := range []struct {
		name    string
		do      treatment
		outcome outcome
		failure string
	}{
		{"stored", treatment{}, acked, ""},
		{"accepted", treatment{status: 202}, acked, ""},
		{"not found", treatment{lose: true, status: 404, body: `{"code":"stream_not_found"}`}, refused, "404 stream_not_found"},
		{"overload", treatment{lose: true, status: 503, body: `{"__type":"ServiceUnavailableException"}`}, refused, "503 ServiceUnavailableException"},
		{"internal error", treatment{status: 500}, unknown, "500"},
		{"stored, answer lost", treatment{cut: true}, unknown, "connection closed"},
		{"no answer in time", treatment{hold: make(chan struct{})}, unknown, "timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newFakeGateway(t, func(int) treatment { return c.do })
			o := testOptions(g.URL)
			if c.do.hold != nil {
				o.Timeout = 50 * time.Millisecond
				defer close(c.do.hold)
			}
			got := exchangeOne(t, o)
			sent := 1
			for ; c.do.hold != nil && got.parts[0].outcome == refused; sent++ { // a busy machine has no connection by then
				o.Timeout *= 2
				got = exchangeOne(t, o)
			}
			want := []part{{1, c.outcome, c.failure}}
			if diff := cmp.Diff(want, got.parts, cmp.AllowUnexported(part{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.requests > sent { // fewer if the time was over before one was sent
				t.Errorf("%d records were sent %d times, want once each", sent, g.requests)
			}
		})
	}
}

func TestExchangeWithNobody(t *testing.T) {
	got := exchangeOne(t, testOptions("http://127.0.0.1:1")) // a port that no system gives to a test
	if diff := cmp.Diff([]part{{1, refused, "no connection"}}, got.parts, cmp.AllowUnexported(part{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestExchangeHonoursRetryAfter(t *testing.T) {
	g := newFakeGateway(t, func(int) treatment {
		return treatment{lose: true, status: 503, header: http.Header{"Retry-After": {"7"}}}
	})
	if got, want := exchangeOne(t, testOptions(g.URL)).retryAfter, 7*time.Second; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestParseRetryAfter(t *testing.T) {
	for _, c := range []struct {
		value string
		want  time.Duration
	}{
		{"", 0},
		{"0", 0},
		{"120", 2 * time.Minute},
		{"-1", 0},
		{"1.5", 0},
		{"99999999999999999999", 0},
		{"soon", 0},
		{"Wed, 21 Oct 2015 07:28:00 GMT", 0},
	} {
		if got := parseRetryAfter([]byte(c.value)); got != c.want {
			t.Errorf("%q: got %v, want %v", c.value, got, c.want)
		}
	}
	future := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	if got := parseRetryAfter([]byte(future)); got <= 0 || got > time.Hour {
		t.Errorf("%q: got %v, want up to an hour", future, got)
	}
}
