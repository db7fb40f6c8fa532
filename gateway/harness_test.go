package gateway

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/buffer"
	"hydrant/gateway/ingest"
)

// patience bounds every wait: far above what a slow machine needs.
const patience = 2 * time.Minute

var clicks = buffer.StreamID{0xC1}

// fakeLog copies inside Append, as a log must. Its hooks may be set before the first request.
type fakeLog struct {
	mu      sync.Mutex
	records []string
	err     error
	// before is called with each batch, while its records are views.
	before func(ctx context.Context, b buffer.Batch) error
}

func (l *fakeLog) Append(ctx context.Context, b buffer.Batch) (buffer.Receipt, error) {
	if l.before != nil {
		if err := l.before(ctx, b); err != nil {
			return buffer.Receipt{}, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return buffer.Receipt{}, l.err
	}
	first := buffer.Seq(len(l.records) + 1)
	for _, r := range b.Records {
		l.records = append(l.records, string(r))
	}
	return buffer.Receipt{First: first, Count: len(b.Records)}, nil
}

func (l *fakeLog) setError(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// stored returns what was appended since the last call.
func (l *fakeLog) stored() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	records := l.records
	l.records = nil
	return records
}

// holdViews keeps a batch's views until they are about to be given back, with other requests running in between, and
// makes sure that nobody has changed them.
func holdViews(t *testing.T) func(context.Context, buffer.Batch) error {
	return func(_ context.Context, b buffer.Batch) error {
		before := checksum(b.Records)
		for range 20 {
			runtime.Gosched()
		}
		if checksum(b.Records) != before {
			t.Error("records changed while they were being appended")
		}
		return nil
	}
}

func checksum(records [][]byte) [32]byte { return sha256.Sum256(bytes.Join(records, nil)) }

type fixture struct {
	*Server
	t        *testing.T
	addr     string
	log      *fakeLog
	registry *prometheus.Registry
	served   chan error
	flushes  int // asked for
}

// flush works the first time.
func (f *fixture) flush(context.Context, buffer.StreamID) (objects, records int64, err error) {
	f.flushes++
	if f.flushes > 1 {
		return 0, 0, errors.New("no such bucket")
	}
	return 2, 5, nil
}

// twoStreams are what most tests write to: one that takes records and one that does not any more.
var twoStreams = []ingest.Stream{{ID: clicks, Name: "clicks", Accepting: true}, {Name: "closing"}}

// smallLimits keep the tests fast, and poisoned memory shows what outlives its request.
var smallLimits = ingest.Config{Poison: true, Limits: ingest.Limits{Body: 300_000, Record: 1000, Records: 20}}

// start runs a server with two streams, clicks and closing, and stops it at the end of the test.
func start(t *testing.T, log *fakeLog, configure ...func(*Config)) *fixture {
	t.Helper()
	return startStreams(t, log, twoStreams, configure...)
}

// startStreams is start with streams of the test's own.
func startStreams(t *testing.T, log *fakeLog, streams []ingest.Stream, configure ...func(*Config)) *fixture {
	t.Helper()
	config := Config{Listen: "127.0.0.1:0", Ingest: smallLimits}
	for _, c := range configure {
		c(&config)
	}
	f := &fixture{t: t, log: log, registry: prometheus.NewRegistry()}
	return f.serve(config, streams, Deps{Log: log, Flush: f.flush})
}

// serve starts the server, which Deps say everything of but the streams and the registry.
func (f *fixture) serve(config Config, streams []ingest.Stream, deps Deps) *fixture {
	f.t.Helper()
	deps.Catalog, deps.Registerer = new(ingest.Catalog), f.registry
	deps.Catalog.Set(streams)
	server, err := New(config, deps)
	if err != nil {
		f.t.Fatal(err)
	}
	server.room.linger = patience // a client that is paused reads its answer all the same
	addr, err := server.Listen()
	if err != nil {
		f.t.Fatal(err)
	}
	f.Server, f.addr, f.served = server, addr.String(), make(chan error, 1)
	go func() { f.served <- server.Serve() }()
	f.t.Cleanup(f.shutDown)
	return f
}

// shutDown is also the check that every request gave back what it had reserved.
func (f *fixture) shutDown() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := f.Shutdown(ctx); err != nil {
		f.t.Errorf("shutdown: %v", err)
	}
	if err := <-f.served; err != nil {
		f.t.Errorf("serve: %v", err)
	}
	f.served <- nil
	if got := f.metric("hydrant_in_flight_bytes"); got != 0 {
		f.t.Errorf("in flight after the last request: got %v bytes, want 0", got)
	}
}

// metric sums a metric over its labels, or over those whose one label has the value given.
func (f *fixture) metric(name string, label ...string) float64 {
	f.t.Helper()
	families, err := f.registry.Gather()
	if err != nil {
		f.t.Fatal(err)
	}
	var sum float64
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name && (len(label) == 0 || m.GetLabel()[0].GetValue() == label[0]) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// client is one connection. It closes with the test.
type client struct {
	t *testing.T
	*net.TCPConn
	reader *bufio.Reader
}

func (f *fixture) dial() *client {
	f.t.Helper()
	c, err := net.Dial("tcp", f.addr)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return &client{t: f.t, TCPConn: c.(*net.TCPConn), reader: bufio.NewReader(c)}
}

func (c *client) send(parts ...string) {
	c.t.Helper()
	if _, err := c.Write([]byte(strings.Join(parts, ""))); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body string
}

func (c *client) receive() answer {
	c.t.Helper()
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatalf("receive the body of a %d: %v", response.StatusCode, err)
	}
	return answer{response, string(body)}
}

func (c *client) do(request string) answer {
	c.t.Helper()
	c.send(request)
	return c.receive()
}

// closed waits for the server to close the connection and fails if it sends anything else.
func (c *client) closed() {
	c.t.Helper()
	rest, err := io.ReadAll(c.reader)
	if err != nil || len(rest) > 0 {
		c.t.Errorf("after the last answer: got %q, error %v, want the end of the connection", rest, err)
	}
}

const (
	ndjson    = "application/x-ndjson"
	clicksURL = "/v1/streams/clicks/records"
)

// post is a native request; headers are whole lines without their ends.
func post(path, contentType, body string, headers ...string) string {
	return request("POST", path, body, append(headers, "Content-Type: "+contentType)...)
}

// call is a request of the AWS API.
func call(operation, body string, headers ...string) string {
	return request("POST", "/", body, append(headers, "Content-Type: application/x-amz-json-1.1", "X-Amz-Target: Firehose_20150804."+operation)...)
}

func request(method, path, body string, headers ...string) string {
	headers = append(headers, fmt.Sprintf("Content-Length: %d", len(body)))
	return head(method, path, headers...) + body
}

func head(method, path string, headers ...string) string {
	return method + " " + path + " HTTP/1.1\r\nHost: hydrant\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n"
}

// chunked frames a body in chunks of at most size bytes.
func chunked(body string, size int) string {
	var b strings.Builder
	for len(body) > 0 {
		n := min(size, len(body))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	return b.String() + "0\r\n\r\n"
}

// startShared runs a server for a whole fuzz run; it ends with the process.
func startShared(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, log: &fakeLog{}, registry: prometheus.NewRegistry()}
	catalog := new(ingest.Catalog)
	catalog.Set([]ingest.Stream{{ID: clicks, Name: "clicks", Accepting: true}})
	server, err := New(Config{Listen: "127.0.0.1:0"}, Deps{Log: f.log, Catalog: catalog, Registerer: f.registry})
	if err != nil {
		t.Fatal(err)
	}
	addr, err := server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	f.Server, f.addr = server, addr.String()
	go func() { _ = server.Serve() }()
	return f
}
