package console

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeNode has one stream, clicks, and others that do nothing.
type fakeNode struct {
	mu     sync.Mutex
	stream Stream
	others []Stream
}

func (n *fakeNode) State() NodeState { return NodeState{Name: "edge", Failing: []Failing{}} }
func (n *fakeNode) Streams() []Stream {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]Stream{n.stream}, n.others...)
}

func (n *fakeNode) Definition(name string) (string, bool) { return "prefix: p/\n", name == "clicks" }

func (n *fakeNode) Partitions(context.Context, string, int) (any, error) {
	return []string{"p/"}, nil
}

func (n *fakeNode) Errors(name string) (any, bool) { return []string{"of " + name}, name == "clicks" }

func (n *fakeNode) Configuration(sees func(string) bool) (string, error) {
	text := "node: edge\n"
	for _, s := range n.Streams() {
		if sees(s.Name) {
			text += s.Name + ": its definition\n"
		}
	}
	return text, nil
}

// fakeViewers know who sees what by the value of Authorization. Without a list everybody sees everything.
type fakeViewers struct {
	mu    sync.Mutex
	known map[string][]string
}

func (f *fakeViewers) Look(authorization string, does func(func(string) bool)) error {
	f.mu.Lock()
	streams, known := f.known[authorization]
	everything := f.known == nil
	f.mu.Unlock()
	if !known && !everything {
		return &Refusal{http.StatusUnauthorized, "who are you"}
	}
	does(func(name string) bool { return everything || slices.Contains(streams, name) })
	return nil
}

func (f *fakeViewers) MaySee(name, authorization string) (denied error) {
	err := f.Look(authorization, func(sees func(string) bool) {
		if !sees(name) {
			denied = &Refusal{http.StatusForbidden, "not yours"}
		}
	})
	return errors.Join(err, denied)
}

// fakeRecords takes a record for which there is the key.
type fakeRecords struct {
	key  string
	sent func()
	many int // outputs of a record beyond the first

	placed int // times that rules were evaluated
}

func (f *fakeRecords) MaySend(_, authorization string) error {
	if authorization != f.key {
		return errors.New("access_denied")
	}
	return nil
}

func (f *fakeRecords) Place(_ string, record []byte, _ time.Time) ([]Place, error) {
	f.placed++
	places := []Place{{Partition: "\x00p/", Key: "p/<id>", Record: record}}
	for n := range f.many {
		places = append(places, Place{Partition: fmt.Sprintf("\x00p%d/", n), Key: fmt.Sprintf("p%d/<id>", n), Record: record})
	}
	return places, nil
}

func (f *fakeRecords) Send(_ context.Context, _, authorization string, _ []byte) (Receipt, error) {
	if authorization != f.key {
		return Receipt{}, errors.New("access_denied")
	}
	if f.sent != nil {
		f.sent()
	}
	return Receipt{Lane: 0, Sequence: 7}, nil
}

// world is a console that is served.
type world struct {
	*Console
	t       *testing.T
	url     string
	node    *fakeNode
	viewers *fakeViewers
	records *fakeRecords
	acts    *fakeOperator
	stop    func()
}

func newWorld(t *testing.T, config Config) *world {
	t.Helper()
	w := &world{t: t, node: &fakeNode{stream: Stream{Name: "clicks", Accepting: true, Errors: map[string]int64{}, Troubles: []Trouble{}}}, viewers: &fakeViewers{}, records: &fakeRecords{}, acts: &fakeOperator{}}
	w.Console = New(config, Deps{Node: w.node, Viewers: w.viewers, Records: w.records, Operator: w.acts, Replays: w.acts, Log: slog.New(slog.DiscardHandler)})
	server := httptest.NewUnstartedServer(w.Console)
	if config.Every > 0 { // event streams outlive the listener's time limits
		server.Config.ReadTimeout, server.Config.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
	}
	server.Start()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	_, _, sampled := w.latest()
	go func() { defer close(done); w.Run(ctx) }()
	<-sampled // a stream has no history before
	w.url = server.URL
	w.stop = sync.OnceFunc(func() { cancel(); <-done; server.Close(); http.DefaultClient.CloseIdleConnections() })
	t.Cleanup(w.stop)
	return w
}

func (w *world) ask(method, path, body string, headers ...string) (int, string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	answer := w.do(r)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// A listener with short time limits closes a connection without an answer when the machine is busy: a client asks again.
const attempts = 50

func (w *world) do(r *http.Request) *http.Response {
	w.t.Helper()
	var answer *http.Response
	var err error
	for range attempts {
		if answer, err = http.DefaultClient.Do(r); err == nil {
			return answer
		}
		if r.Method != http.MethodGet {
			break
		}
	}
	w.t.Fatal(err)
	return nil
}

// events reads an event stream, one event at a time. It has begun: there the listener's time limits end.
func (w *world) events(path, authorization string) (next func() string, done func()) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", authorization)
	for range attempts {
		answer := w.do(r)
		next := eventsOf(answer.Body)
		if first := next(); first != "" {
			return func() string {
				if event := first; event != "" {
					first = ""
					return event
				}
				return next()
			}, func() { answer.Body.Close() }
		}
		answer.Body.Close()
	}
	w.t.Fatalf("%s: no event", path)
	return nil, nil
}

func eventsOf(body io.Reader) (next func() string) {
	lines := bufio.NewScanner(body)
	return func() string {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return data
			}
		}
		return ""
	}
}

func TestPageIsWhole(t *testing.T) {
	w := newWorld(t, Config{})
	for path, want := range map[string]string{
		"/": "<title>Hydrant</title>", "/console/page/console.js": "follow(", "/console/page/console.css": "prefers-color-scheme",
		"/console/page/uplot.js": "uPlot", "/console/page/uplot.css": ".uplot", "/console/page/icon.svg": "<svg",
	} {
		if status, text := w.ask("GET", path, ""); status != 200 || !strings.Contains(text, want) {
			t.Errorf("%s: %d, no %q in %.200q", path, status, want, text)
		}
	}
}

func TestEventsFollowTheNodeAndEndWithIt(t *testing.T) {
	w := newWorld(t, Config{Every: 20 * time.Millisecond})
	next, done := w.events("/console/events", "")
	defer done()
	for n := range 20 { // for longer than the listener's time limits
		w.node.mu.Lock()
		w.node.stream.Accepted = int64(n)
		w.node.mu.Unlock()
		if next() == "" {
			t.Fatal("the events ended")
		}
	}
	for seen := int64(0); seen < 19; { // a slow reader has events of before waiting for it
		var view overview
		if err := json.Unmarshal([]byte(next()), &view); err != nil || view.Node.Name != "edge" || len(view.Streams) != 1 {
			t.Fatalf("%v: %+v", err, view)
		}
		seen = view.Streams[0].Accepted
	}
	w.stop() // returns although somebody looks on
	for next() != "" {
	}
}

func TestStreamOfTheNode(t *testing.T) {
	w := newWorld(t, Config{})
	w.Sealed(Object{Stream: "clicks", Key: "p/1", Reason: "size", Stored: 10})
	w.Delivered(Object{Stream: "clicks", Key: "p/1", Reason: "size", Stored: 10})
	w.Failed("clicks", []byte(`{"errorCode":"X","errorMessage":"<b>","rawData":"/w=="}`+"\n"))
	status, text := w.ask("GET", "/console/streams/clicks", "")
	for _, want := range []string{`"definition":"prefix: p/\n"`, `"key":"p/1"`, `"delivered":"2`, `"history":{`} {
		if status != 200 || !strings.Contains(text, want) {
			t.Errorf("%d, no %s in %s", status, want, text)
		}
	}
	if status, _ := w.ask("GET", "/console/streams/other", ""); status != http.StatusNotFound {
		t.Errorf("a stream that is not: %d", status)
	}
	if status, text := w.ask("GET", "/console/streams/clicks/failed", ""); status != 200 || !strings.Contains(text, `"data":"/w=="`) {
		t.Errorf("%d %s", status, text)
	}
	if status, text := w.ask("GET", "/streams/clicks/errors", ""); status != 200 || text != `["of clicks"]` {
		t.Errorf("errors: %d %s", status, text)
	}
	if status, text := w.ask("GET", "/streams/other/errors", ""); status != http.StatusNotFound {
		t.Errorf("errors of a stream that is not: %d %s", status, text)
	}
}

// A record's object may be there before the answer to its request is.
func TestTestRecordIsFollowed(t *testing.T) {
	w := newWorld(t, Config{Write: true})
	others := []Object{
		{Stream: "clicks", Partition: "\x00q/", From: 5, To: 9, Key: "q/other"},
		{Stream: "clicks", Partition: "\x00p/", From: 7, To: 9, Key: "p/behind"},
		{Stream: "views", Partition: "\x00p/", From: 5, To: 9, Key: "p/views"},
	}
	o := Object{Stream: "clicks", Partition: "\x00p/", From: 5, To: 9, Key: "p/its", Reason: "interval"}
	w.records.sent = func() {
		for _, other := range others {
			w.Delivered(other)
		}
		w.Sealed(o)
	}
	status, text := w.ask("POST", "/console/streams/clicks/send", `{}`, ownHeader, "1")
	var sent struct{ ID string }
	if err := json.Unmarshal([]byte(text), &sent); err != nil || status != 200 {
		t.Fatal(status, text)
	}
	next, done := w.events("/console/records/"+sent.ID, "")
	defer done()
	if text := next(); strings.Contains(text, `"done":true`) || !strings.Contains(text, "p/its") {
		t.Error(text)
	}
	w.Delivered(o)
	last := next()
	for _, want := range []string{"received", "durable", "partitioned", "sealed", "delivered", `"done":true`} {
		if !strings.Contains(last, want) {
			t.Errorf("no %s in %s", want, last)
		}
	}
	if strings.Contains(last, "q/other") || strings.Contains(last, "p/behind") || strings.Contains(last, "p/views") || next() != "" {
		t.Error(last)
	}
}

// A record that becomes very many is shown and followed in part: what is kept of it would be as large as they all.
func TestOfManyOutputsTheFirstAreFollowed(t *testing.T) {
	w := newWorld(t, Config{Write: true})
	w.records.many = 1 << 16
	status, text := w.ask("POST", "/console/streams/clicks/try", `{}`, ownHeader, "1")
	if status != 200 || strings.Count(text, `"key"`) != maxPlaces || !strings.Contains(text, `"more":65437`) {
		t.Errorf("%d, %d places, %.200s", status, strings.Count(text, `"key"`), text)
	}
	w.Delivered(Object{Stream: "clicks"})
	status, text = w.ask("POST", "/console/streams/clicks/send", `{}`, ownHeader, "1")
	var sent struct{ ID string }
	if err := json.Unmarshal([]byte(text), &sent); err != nil || status != 200 {
		t.Fatal(status, text)
	}
	journey, _, _ := w.follows.look(sent.ID)
	if n := len(journey.Steps); n != maxPlaces+3 || !strings.Contains(journey.Steps[n-1].Detail, "65437 more outputs") {
		t.Errorf("%d steps, the last %+v", n, journey.Steps[n-1])
	}
	for partition := range w.follows.byID[sent.ID].awaited {
		w.Delivered(Object{Stream: "clicks", Partition: partition, From: 5, To: 9})
	}
	if journey, _, _ := w.follows.look(sent.ID); !journey.Done {
		t.Error("it is not at its end when those that are followed are delivered")
	}
}

func TestWhoMaySend(t *testing.T) {
	w := newWorld(t, Config{Write: true})
	w.records.key = "Bearer good"
	for name, test := range map[string]struct {
		headers []string
		want    int
	}{
		"good":              {[]string{ownHeader, "1", "Authorization", "Bearer good", "Origin", w.url}, 200},
		"without a key":     {[]string{ownHeader, "1"}, http.StatusUnprocessableEntity},
		"a form":            {[]string{"Authorization", "Bearer good"}, http.StatusForbidden},
		"another origin":    {[]string{ownHeader, "1", "Authorization", "Bearer good", "Origin", "http://evil.example"}, http.StatusForbidden},
		"another site":      {[]string{ownHeader, "1", "Authorization", "Bearer good", "Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		"a name rebound":    {[]string{ownHeader, "1", "Authorization", "Bearer good", "Host", "evil.example"}, http.StatusForbidden},
		"through localhost": {[]string{ownHeader, "1", "Authorization", "Bearer good", "Host", "localhost:99"}, 200},
	} {
		if status, text := w.ask("POST", "/console/streams/clicks/send", `{}`, test.headers...); status != test.want {
			t.Errorf("%s: got %d %s, want %d", name, status, text, test.want)
		}
	}
	placed, followed := w.records.placed, slices.Clone(w.follows.order)
	for range maxFollows {
		w.ask("POST", "/console/streams/clicks/send", `{}`, ownHeader, "1")
	}
	if w.records.placed != placed || !slices.Equal(w.follows.order, followed) {
		t.Error("for whoever may not send, rules are evaluated, or what others sent is not followed any more")
	}
	readOnly := newWorld(t, Config{})
	if status, text := readOnly.ask("POST", "/console/streams/clicks/send", `{}`, ownHeader, "1"); status != http.StatusForbidden || !strings.Contains(text, "console: {write: true}") {
		t.Errorf("read-only: %d %s", status, text)
	}
}

func TestRatesAndSpan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := &fakeNode{stream: Stream{Name: "clicks"}}
		c := New(Config{}, Deps{Node: node})
		for range 400 {
			c.sample(time.Now())
			node.stream.Accepted += 50
			time.Sleep(5 * time.Second)
		}
		if rates := c.watched.last.Streams[0].Rates; rates.In != 10 {
			t.Errorf("got %+v, want 10 records a second", rates)
		}
		if got := c.historyOf("clicks"); len(got["time"]) != 180 || len(got["in"]) != 180 || got["in"][0] != 10 {
			t.Errorf("got %d samples", len(got["time"]))
		}
	})
}

func TestBounds(t *testing.T) {
	w := newWorld(t, Config{})
	for range 3 * failedInAll {
		w.Failed("clicks", []byte(`{"rawData":""}`))
		w.Sealed(Object{Stream: "clicks"})
		w.follows.begin("clicks", time.Now())
	}
	if got := len(w.failed.of("clicks")); got != failedOfStream {
		t.Errorf("got %d failed records", got)
	}
	if got := len(w.objects.of("clicks")); got != lastObjects {
		t.Errorf("got %d objects", got)
	}
	if len(w.follows.byID) != maxFollows || len(w.follows.order) != maxFollows {
		t.Errorf("got %d test records", len(w.follows.byID))
	}
}
