package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/proto"

	"hydrant/buffer"
	"hydrant/gateway/native/recordpb"
)

// gate holds appends until it is opened.
type gate struct {
	entered chan struct{}
	open    chan struct{}
}

func newGate() gate { return gate{entered: make(chan struct{}, 100), open: make(chan struct{})} }

func (g gate) wait(ctx context.Context, _ buffer.Batch) error {
	g.entered <- struct{}{}
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestInFlightLimit(t *testing.T) {
	g := newGate()
	f := start(t, &fakeLog{before: g.wait}, func(c *Config) { c.Ingest.Limits.InFlight = 300_100 })
	first, second := f.dial(), f.dial()
	body := strings.Repeat("x\n", 2) + strings.Repeat("\n", 299_996)
	first.send(post(clicksURL, ndjson, body))
	<-g.entered
	got := second.do(post(clicksURL, ndjson, strings.Repeat("y", 101)))
	p := asProblem(t, got)
	if p.Status != 503 || p.Code != "in_flight_limit" || p.Limit != 300_100 || p.Size != 101 || got.Header.Get("Retry-After") != "1" {
		t.Errorf("got %d %v %s", got.StatusCode, got.Header, got.body)
	}
	wantException(t, second.do(putBatch("clicks", strings.Repeat("z", 100))), 503, "ServiceUnavailableException", "Slow down.")
	close(g.open)
	if got := first.receive(); got.StatusCode != 200 {
		t.Errorf("the first request: got %d %s, want 200", got.StatusCode, got.body)
	}
	if got := second.do(post(clicksURL, ndjson, strings.Repeat("y", 101))); got.StatusCode != 200 {
		t.Errorf("once there is room: got %d %s, want 200", got.StatusCode, got.body)
	}
}

func TestDrainRefusesNewRequestsAndFinishesOldOnes(t *testing.T) {
	g := newGate()
	f := start(t, &fakeLog{before: g.wait})
	old, idle := f.dial(), f.dial()
	old.send(post(clicksURL, ndjson, "old"))
	<-g.entered
	f.Drain()
	got := idle.do(post(clicksURL, ndjson, "new"))
	if p := asProblem(t, got); p.Status != 503 || p.Code != "shutting_down" || !got.Close || got.Header.Get("Retry-After") != "1" {
		t.Errorf("native: got %d %v %s", got.StatusCode, got.Header, got.body)
	}
	idle.closed()
	got = f.dial().do(putBatch("clicks", "new"))
	wantException(t, got, 503, "ServiceUnavailableException", "Slow down.")
	if !got.Close {
		t.Error("the AWS API keeps the connection while draining")
	}
	done := make(chan error)
	go func() { done <- f.Shutdown(context.Background()) }()
	close(g.open)
	if got := old.receive(); got.StatusCode != 200 || !got.Close {
		t.Errorf("the request in flight: got %d %s, close %v, want 200 and close", got.StatusCode, got.body, got.Close)
	}
	if err := <-done; err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if got, want := f.log.stored(), []string{"old"}; !slices.Equal(got, want) {
		t.Errorf("stored %q, want %q", got, want)
	}
}

func TestShutdownGivesUpWithItsContext(t *testing.T) {
	g := newGate()
	f := start(t, &fakeLog{before: g.wait})
	c := f.dial()
	c.send(post(clicksURL, ndjson, "stuck"))
	<-g.entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := f.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
	if p := asProblem(t, c.receive()); p.Code != "internal" {
		t.Errorf("an append that was cancelled: got %+v, want internal, since its outcome is unknown", p)
	}
}

func TestLifecycle(t *testing.T) {
	s, err := New(Config{Listen: "127.0.0.1:0"}, Deps{Log: &fakeLog{}, Catalog: emptyCatalog})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(); err == nil {
		t.Error("Serve before Listen: got no error")
	}
	addr, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	other, err := New(Config{Listen: addr.String()}, Deps{Log: &fakeLog{}, Catalog: emptyCatalog})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Listen(); err == nil {
		t.Error("a port was opened twice")
	}
	for range 2 {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown before Serve: %v", err)
		}
	}
	if err := s.Serve(); err != nil {
		t.Errorf("Serve after Shutdown: %v", err)
	}
	if _, err := New(Config{}, Deps{}); err == nil {
		t.Error("New without a log: got no error")
	}
}

// fasthttp closes its listeners a second time, and says how the first of them took it: whichever came first must do.
func TestShutdownInEitherOrderOfListeners(t *testing.T) {
	s, err := New(Config{Listen: "127.0.0.1:0"}, Deps{Log: &fakeLog{}, Catalog: emptyCatalog})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- s.http.Serve(s.within) }()
	c, err := s.within.Dial() // answered once it is served
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
}

func TestPanicIsAnAnswer(t *testing.T) {
	panics := true
	f := start(t, &fakeLog{before: func(context.Context, buffer.Batch) error {
		if panics {
			panic("a bug")
		}
		return nil
	}})
	c := f.dial()
	got := c.do(post(clicksURL, ndjson, "a"))
	if p := asProblem(t, got); p.Code != "internal" || !got.Close || strings.Contains(got.body, "a bug") {
		t.Errorf("native: got %d %s, close %v", got.StatusCode, got.body, got.Close)
	}
	c.closed()
	got = f.dial().do(putBatch("clicks", "a"))
	wantException(t, got, 500, "InternalFailure", "the server failed; whether the records were stored is not known; retry")
	panics = false
	if got := f.dial().do(post(clicksURL, ndjson, "a")); got.StatusCode != 200 {
		t.Errorf("after a panic: got %d %s, want 200", got.StatusCode, got.body)
	}
}

// Many connections send different records at once, in every format; buffers are poisoned as they are recycled. What is
// stored must be what was sent, and views must hold still while they are being appended.
func TestRecordsAreNeverMixed(t *testing.T) {
	const clients, requests = 8, 60
	f := start(t, &fakeLog{before: holdViews(t)})
	var want []string
	var wait sync.WaitGroup
	for id := range clients {
		c := f.dial()
		var scripts []string
		for n := range requests {
			records := []string{fmt.Sprintf(`{"client":%d,"n":%d}`, id, n), `{"x":"` + strings.Repeat(string(rune('a'+id)), 1+n*7) + `"}`}
			want = append(want, records...)
			scripts = append(scripts, inFormat((id+n)%8, records))
		}
		wait.Go(func() {
			for _, s := range scripts {
				if got := c.do(s); got.StatusCode != 200 {
					t.Errorf("got %d %s, want 200", got.StatusCode, got.body)
				}
			}
		})
	}
	wait.Wait()
	got := f.log.stored()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("what was stored differs from what was sent: %d and %d records", len(got), len(want))
	}
}

func inFormat(format int, records []string) string {
	switch format {
	case 0:
		return post(clicksURL, ndjson, strings.Join(records, "\n"))
	case 1:
		return post(clicksURL, "application/json", "["+strings.Join(records, ",")+"]")
	case 2:
		return head("POST", clicksURL, "Content-Type: "+ndjson, "Transfer-Encoding: chunked") + chunked(strings.Join(records, "\n"), 5)
	case 5:
		return post(clicksURL, "application/x-protobuf", protobuf(records))
	case 6:
		return post(clicksURL, ndjson, gzipped(strings.Join(records, "\n")), "Content-Encoding: gzip")
	case 7:
		return post(clicksURL, "application/x-protobuf", string(s2.EncodeSnappy(nil, []byte(protobuf(records)))), "Content-Encoding: snappy")
	case 3: // by the complete parser
		return call("PutRecordBatch", `{"Records":[{"Data":"`+encode(records[0])+`"},{"Data":"`+encode(records[1])+`"}],"DeliveryStreamName":"click\u0073"}`)
	}
	return putBatch("clicks", records...)
}

func protobuf(records []string) string {
	batch := new(recordpb.RecordBatch)
	for _, r := range records {
		batch.Records = append(batch.Records, &recordpb.Record{Data: []byte(r)})
	}
	data, err := proto.Marshal(batch)
	if err != nil {
		panic(err) // bytes alone
	}
	return string(data)
}

func gzipped(text string) string {
	var out strings.Builder
	w := gzip.NewWriter(&out)
	_, _ = io.WriteString(w, text) // a strings.Builder takes everything
	_ = w.Close()
	return out.String()
}

func TestSlowRequestsTimeOut(t *testing.T) {
	f := start(t, &fakeLog{}, func(c *Config) { c.ReadTimeout = 50 * time.Millisecond })
	for name, sent := range map[string]string{
		"half a header": "POST " + clicksURL + " HTTP/1.1\r\nHost: hy",
		"half a body":   strings.TrimSuffix(post(clicksURL, ndjson, strings.Repeat("x", 20_000)), "x"),
		"half a chunk":  head("POST", clicksURL, "Content-Type: "+ndjson, "Transfer-Encoding: chunked") + "5\r\nab",
	} {
		c, got := f.sendInTime(sent)
		if p := asProblem(t, got); p.Status != 408 || p.Code != "request_timeout" || !got.Close {
			t.Errorf("%s: got %d %s, close %v, want 408 and close", name, got.StatusCode, got.body, got.Close)
		}
		c.closed()
	}
}

// sendInTime sends a part of a request and returns the answer. A connection on which nothing arrives in time is closed
// without an answer; on a busy machine that befalls this client too, and it tries again.
func (f *fixture) sendInTime(sent string) (*client, answer) {
	f.t.Helper()
	const attempts = 50
	for range attempts {
		c := f.dial()
		if _, err := c.Write([]byte(sent)); err != nil {
			continue
		}
		if _, err := c.reader.Peek(1); err == nil {
			return c, c.receive()
		}
	}
	f.t.Fatalf("no answer in %d attempts", attempts)
	return nil, answer{}
}
