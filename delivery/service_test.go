package delivery_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"hydrant/buffer"
	"hydrant/buffer/memlog"
	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
	"hydrant/delivery/format"
	"hydrant/delivery/transform"
	"hydrant/stream"
)

// patience bounds every wait: far above what a slow machine needs.
const patience = 5 * time.Minute

// world is a log, a destination, and one delivery service after the other.
type world struct {
	t       *testing.T
	log     memlog.Log
	id      buffer.StreamID
	objects *deliverytest.Memory
	cfg     delivery.Config
	scratch *delivery.Scratch
	def     stream.Stream
	inForce atomic.Pointer[stream.Stream] // def as it was last defined, or at the start, for the service
	metrics *delivery.Metrics

	observer  delivery.Observer
	function  transform.Invoker
	openFails error // of opening the function

	service *delivery.Service
	cancel  context.CancelFunc
	ended   chan error
}

func newWorld(t *testing.T, adjust func(*stream.Stream)) *world {
	t.Helper()
	w := &world{t: t, id: buffer.NewStreamID(), objects: deliverytest.NewMemory()}
	w.def = stream.Stream{
		Name:          "s",
		Prefix:        "key=!{partitionKeyFromQuery:key}/",
		PartitionKeys: map[string]string{"key": ".key"},
		Destination:   stream.Destination{Directory: &stream.Directory{Path: "/nowhere"}},
	}
	w.def.Buffering.Interval = stream.Duration(time.Hour) // the tests say when
	if adjust != nil {
		adjust(&w.def)
	}
	w.def = w.def.WithDefaults()
	w.log.Open()
	w.define()
	t.Cleanup(w.kill)
	return w
}

// define puts def in force for what is appended from now on.
func (w *world) define() {
	w.t.Helper()
	w.putInForce()
	_, err := w.log.Define(w.t.Context(), buffer.Definition{Stream: w.id, Name: w.def.Name, Logic: 1, Data: w.def.Encode(), Derives: w.def.Transform != nil})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) putInForce() {
	now := w.def
	w.inForce.Store(&now)
}

// start begins a life of delivery.
func (w *world) start() { w.startOn(&w.log) }

// startOn begins one that sees the world's log as it is shown to it.
func (w *world) startOn(log buffer.Log) {
	w.putInForce()
	w.service = delivery.New(w.cfg, delivery.Deps{
		Open:    func(context.Context, stream.Destination) (delivery.Destination, error) { return w.objects, nil },
		Current: func(string) (stream.Stream, bool) { return *w.inForce.Load(), true },
		Log:     slog.New(slog.DiscardHandler),
		Scratch: w.scratch,
		Metrics: w.metrics,
		Observe: w.observer,

		Function: w.openFunction,
	})
	var ctx context.Context
	ctx, w.cancel = context.WithCancel(context.Background())
	w.ended = make(chan error, 1)
	go func() { w.ended <- w.service.Run(ctx, log) }()
}

// openFunction implements delivery.OpenFunction.
func (w *world) openFunction(context.Context, stream.Transform) (transform.Invoker, error) {
	return w.function, w.openFails
}

// kill ends the life without a goodbye: what is not committed is forgotten.
func (w *world) kill() {
	if w.cancel == nil {
		return
	}
	w.cancel()
	<-w.ended
	w.cancel = nil
	w.log.Open()
}

// drain delivers everything and ends the life.
func (w *world) drain() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	if err := w.service.Drain(ctx, &w.log); err != nil {
		w.t.Fatalf("drain: %v; health %+v", err, w.service.Health())
	}
	w.kill()
}

// awaitRead waits until the service has taken hold of its lane.
func (w *world) awaitRead() {
	w.eventually("the lane is served", func() bool { return len(w.service.Books()) > 0 })
}

func (w *world) eventually(what string, condition func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for !condition() {
		if time.Now().After(deadline) {
			w.t.Fatalf("%s: not within %v; health %+v", what, patience, w.service.Health())
		}
		time.Sleep(time.Millisecond) // between two looks at the condition
	}
}

func (w *world) append(records ...string) {
	w.t.Helper()
	var b buffer.Batch
	b.Stream = w.id
	for _, r := range records {
		b.Records = append(b.Records, []byte(r))
	}
	if _, err := w.log.Append(w.t.Context(), b); err != nil {
		w.t.Fatal(err)
	}
}

// lines returns what the destination holds: every line with the first segment of its object's key.
func (w *world) lines() []string {
	w.t.Helper()
	return linesOf(w.t, w.objects)
}

func linesOf(t *testing.T, objects *deliverytest.Memory) []string {
	t.Helper()
	var out []string
	for _, key := range objects.Keys() {
		o, _ := objects.Object(key)
		r, err := codecOf(t, o.ContentEncoding).Decode(bytes.NewReader(bytes.Join(o.Body, nil)))
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		segment, _, _ := strings.Cut(key, "/")
		for line := range strings.Lines(string(content)) {
			out = append(out, segment+" "+strings.TrimSuffix(line, "\n"))
		}
	}
	slices.Sort(out)
	return out
}

// codecOf finds the codec by what it has objects' content encoding say.
func codecOf(t *testing.T, encoding string) format.Codec {
	t.Helper()
	for _, name := range format.Names() {
		codec, err := format.ByName(name)
		if err == nil && codec.ContentEncoding() == encoding {
			return codec
		}
	}
	t.Fatalf("no codec has the content encoding %q", encoding)
	return nil
}

func record(key string, n int) string { return fmt.Sprintf(`{"key":%q,"n":%d}`, key, n) }

func (w *world) want(want ...string) {
	w.t.Helper()
	slices.Sort(want)
	if got := w.lines(); !slices.Equal(got, want) {
		w.t.Errorf("the destination holds %d lines, want %d\n got %q\nwant %q", len(got), len(want), got, want)
	}
	stats := w.log.Stats().Streams[w.id]
	if stats.Pending != 0 {
		w.t.Errorf("%d records are pending, want none", stats.Pending)
	}
}

func TestDeliversByPartition(t *testing.T) {
	w := newWorld(t, nil)
	w.append(record("a", 1), record("b", 2), record("a", 3))
	w.start()
	w.drain()
	w.want(`key=a {"key":"a","n":1}`, `key=a {"key":"a","n":3}`, `key=b {"key":"b","n":2}`)
	if n := len(w.objects.Keys()); n != 2 {
		t.Errorf("%d objects, want 2: %q", n, w.objects.Keys())
	}
}

func TestMetadataDescribesTheObject(t *testing.T) {
	w := newWorld(t, nil)
	w.append(record("a", 1), record("a", 2))
	w.start()
	w.drain()
	o, _ := w.objects.Object(w.objects.Keys()[0])
	if o.Metadata.Stream != "s" || o.Metadata.Records != 2 || o.Metadata.Sequence != "0/0-2" || !strings.HasPrefix(o.Metadata.Checksum, "xxh64:") {
		t.Errorf("metadata: %+v", o.Metadata)
	}
	content := record("a", 1) + "\n" + record("a", 2) + "\n"
	if want := fmt.Sprintf("xxh64:%016x", xxhash.Sum64String(content)); o.Metadata.Checksum != want {
		t.Errorf("checksum %s, want %s", o.Metadata.Checksum, want)
	}
	if o.ContentEncoding != "gzip" || !strings.HasSuffix(o.Key, ".gz") {
		t.Errorf("object %s has content encoding %q", o.Key, o.ContentEncoding)
	}
}

func TestUnkeyedRecordsGoToTheErrorOutput(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) {
		s.ErrorPrefix = "errors/!{firehose:error-output-type}/"
		s.Compression = "none"
	})
	w.append(record("a", 1), "not json", `{"other":1}`)
	w.start()
	w.drain()
	var failed int
	for _, line := range w.lines() {
		if strings.HasPrefix(line, "errors ") {
			failed++
			if !strings.Contains(line, `"rawData":`) {
				t.Errorf("error line without the raw data: %s", line)
			}
		}
	}
	books := w.service.Books()["s"]
	if failed != 2 || books.Delivered != 1 || books.Settled() != 3 {
		t.Errorf("%d error lines; the books say %+v", failed, books)
	}
}

func TestSizeSeals(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) { s.Buffering.Size = 1 << 20 })
	pad := strings.Repeat("x", 100<<10)
	for i := range 25 {
		w.append(fmt.Sprintf(`{"key":"a","n":%d,"pad":%q}`, i, pad))
	}
	w.start()
	w.eventually("two full objects are delivered", func() bool { return len(w.objects.Keys()) == 2 })
	w.drain()
	if n := len(w.objects.Keys()); n != 3 {
		t.Errorf("%d objects, want 3", n)
	}
	if n := len(w.lines()); n != 25 {
		t.Errorf("%d lines, want 25", n)
	}
}

func TestIntervalSeals(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) { s.Buffering.Interval = stream.Duration(50 * time.Millisecond) })
	w.start()
	w.append(record("a", 1))
	w.eventually("the object is delivered", func() bool { return len(w.objects.Keys()) == 1 })
	w.append(record("a", 2))
	w.eventually("the next one is too", func() bool { return len(w.objects.Keys()) == 2 })
	w.eventually("everything is settled", func() bool { return w.log.Stats().Streams[w.id].Pending == 0 })
}

// A shorter interval holds for what is open already, also where no record comes any more.
func TestShorterIntervalReachesAnIdleStream(t *testing.T) {
	w := newWorld(t, nil) // an hour
	var hasty atomic.Bool
	w.startWith(func(context.Context, stream.Destination) (delivery.Destination, error) { return w.objects, nil },
		func(string) (stream.Stream, bool) {
			now := w.def
			if hasty.Load() {
				now.Buffering.Interval = stream.Duration(50 * time.Millisecond)
			}
			return now, true
		})
	w.append(record("a", 1))
	w.eventually("the record is in an open object", func() bool { return w.service.Open() == 1 })
	hasty.Store(true)
	w.eventually("the object is delivered", func() bool { return len(w.objects.Keys()) == 1 })
}

// A reader that is behind by more than the interval reads on before it seals: its objects do not become tiny.
func TestBacklogDoesNotBecomeTinyObjects(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) { s.Buffering.Interval = stream.Duration(time.Second) })
	w.log.Now = func() time.Time { return time.Now().Add(-time.Hour) }
	w.start()
	w.awaitRead()
	const bursts, records = 5, 1000
	for range bursts {
		var burst []string
		for i := range records {
			burst = append(burst, record("a", i))
		}
		w.append(burst...)
	}
	w.eventually("everything is delivered", func() bool { return w.log.Stats().Streams[w.id].Pending == 0 })
	if n := len(w.objects.Keys()); n > 4*bursts {
		t.Errorf("%d bursts became %d objects", bursts, n)
	}
}

// The books balance after every answer of the destination.
func TestBooksBalance(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) { s.Buffering.Interval = stream.Duration(time.Millisecond) })
	w.start()
	for i := range 50 {
		w.append(record(fmt.Sprint("k", i%5), i), "no key")
		stats, books := w.log.Stats().Streams[w.id], w.service.Books()["s"]
		if pending := stats.Accepted - books.Settled(); pending < 0 {
			t.Fatalf("%d accepted, %d settled", stats.Accepted, books.Settled())
		}
	}
	w.drain()
	books := w.service.Books()["s"]
	if books.Delivered != 50 || books.Errors["processing-failed"] != 50 {
		t.Errorf("the books say %+v, want 50 delivered and 50 failed", books)
	}
	if got := len(w.lines()); got != 100 {
		t.Errorf("%d lines, want 100", got)
	}
}

func TestConfigVersionsApplyByRecord(t *testing.T) {
	w := newWorld(t, nil)
	w.append(record("a", 1))
	w.def.Prefix = "moved=!{partitionKeyFromQuery:key}/"
	w.define()
	w.append(record("a", 2))
	w.start()
	w.drain()
	w.want(`key=a {"key":"a","n":1}`, `moved=a {"key":"a","n":2}`)
}

func TestConflictStopsTheStream(t *testing.T) {
	for _, metadata := range []bool{true, false} {
		t.Run(fmt.Sprint("metadata ", metadata), func(t *testing.T) {
			w := newWorld(t, nil)
			if !metadata {
				w.objects.KeepNoMetadata()
			}
			w.append(record("a", 1))
			var once sync.Once
			w.objects.Hook(deliverytest.Create, func(ctx context.Context, key string) error {
				once.Do(func() {
					w.objects.Hook(deliverytest.Create, nil)
					foreign := &delivery.Object{Key: key, Body: delivery.Body{[]byte("somebody else's")}, Metadata: delivery.Metadata{Stream: "other"}}
					if err := w.objects.Create(ctx, foreign); err != nil {
						t.Error(err)
					}
				})
				return nil
			})
			w.start()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := w.service.Drain(ctx, &w.log); err == nil || ctx.Err() != nil {
				t.Fatalf("drain: %v, want the news that the lane has ended", err)
			}
			health := w.service.Health()
			if len(health) != 1 || !health[0].Stopped {
				t.Errorf("health: %+v, want a stopped stream", health)
			}
			o, _ := w.objects.Object(w.objects.Keys()[0])
			if string(bytes.Join(o.Body, nil)) != "somebody else's" {
				t.Error("the foreign object was overwritten")
			}
		})
	}
}

// A stream that has stopped does not keep others from being drained.
func TestStoppedStreamDoesNotHoldUpTheDrain(t *testing.T) {
	w := newWorld(t, nil)
	w.append(record("stops", 1))
	const others = 3 // with the one that stops, as many as upload at once
	for i := range others {
		def := w.def
		def.Name = fmt.Sprint("other", i)
		id := buffer.NewStreamID()
		_, err := w.log.Define(t.Context(), buffer.Definition{Stream: id, Name: def.Name, Logic: 1, Data: def.Encode()})
		if err == nil {
			_, err = w.log.Append(t.Context(), buffer.Batch{Stream: id, Records: [][]byte{[]byte(record("goes", i))}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	stopped := make(chan struct{})
	w.objects.Hook(deliverytest.Create, func(ctx context.Context, key string) error {
		if strings.HasPrefix(key, "key=stops/") {
			return &delivery.ConflictError{Key: key}
		}
		select {
		case <-stopped:
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	w.start()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	drained := make(chan error, 1)
	delivered := 0
	go func() {
		err := w.service.Drain(ctx, &w.log)
		delivered = len(w.objects.Keys())
		drained <- err
	}()
	w.eventually("one has stopped", func() bool { health := w.service.Health(); return len(health) == 1 && health[0].Stopped })
	close(stopped)
	if err := <-drained; err == nil || !strings.Contains(err.Error(), "stream s is not delivered") {
		t.Errorf("drain: %v, want the news that one has stopped", err)
	}
	if delivered != others {
		t.Errorf("%d objects were delivered, want %d", delivered, others)
	}
}

// Every kind of trouble is retried; none loses or doubles anything.
func TestTroubleIsRetried(t *testing.T) {
	cause := errors.New("trouble")
	for name, hurt := range map[string]func(*deliverytest.Memory){
		"refused":    func(m *deliverytest.Memory) { m.Fail(deliverytest.Create, 2, cause) },
		"reply lost": func(m *deliverytest.Memory) { m.LoseReply(deliverytest.Create, 1, cause) },
		"reply and stat lost": func(m *deliverytest.Memory) {
			m.LoseReply(deliverytest.Create, 1, cause)
			m.Fail(deliverytest.Stat, 1, cause)
		},
		"no metadata": func(m *deliverytest.Memory) { m.KeepNoMetadata(); m.LoseReply(deliverytest.Create, 1, cause) },
		"no metadata, no read": func(m *deliverytest.Memory) {
			m.KeepNoMetadata()
			m.LoseReply(deliverytest.Create, 1, cause)
			m.Fail(deliverytest.Open, 1, cause)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			hurt(w.objects)
			// Long enough for several blocks of the checksum: a short text does not tell a wrong one.
			long := fmt.Sprintf(`{"key":"a","pad":%q}`, strings.Repeat("0123456789", 1000))
			w.append(long)
			w.start()
			w.drain()
			w.want("key=a " + long)
			if len(w.objects.Keys()) != 1 {
				t.Errorf("objects: %q", w.objects.Keys())
			}
			if health := w.service.Health(); len(health) > 0 {
				t.Errorf("health after the trouble: %+v", health)
			}
		})
	}
}

// An outage fills a bounded number of objects and then waits in the log, so that it does not end in an avalanche.
func TestOutageIsNotAnAvalanche(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) { s.Buffering.Interval = stream.Duration(time.Millisecond) })
	w.cfg.Waiting = 4
	var mu sync.Mutex
	down := true
	w.objects.Hook(deliverytest.Create, func(context.Context, string) error {
		mu.Lock()
		defer mu.Unlock()
		if down {
			return &delivery.Error{Op: deliverytest.Create, Class: delivery.Transient, Refused: true, Err: errors.New("down")}
		}
		return nil
	})
	w.start()
	const records = 400
	for i := range records {
		w.append(record("a", i))
	}
	w.eventually("the outage is noticed", func() bool { return len(w.service.Health()) == 1 })
	mu.Lock()
	down = false
	mu.Unlock()
	w.drain()
	if n := len(w.lines()); n != records {
		t.Errorf("%d lines, want %d", n, records)
	}
	if n := len(w.objects.Keys()); n > 60 {
		t.Errorf("%d records became %d objects", records, n)
	}
}

// Memory stays near its budget however many partitions are open: the largest objects are sealed early.
func TestMemoryIsBounded(t *testing.T) {
	w := newWorld(t, nil)
	w.cfg.Memory = 4 << 20
	pad := strings.Repeat("x", 8<<10)
	const records = 4000
	for i := range records {
		w.append(fmt.Sprintf(`{"key":"k%d","n":%d,"pad":"%s"}`, i%200, i, pad))
	}
	w.start()
	w.drain()
	if n := len(w.lines()); n != records {
		t.Errorf("%d lines, want %d", n, records)
	}
}

// An object that was delivered and a later one of the same partition that was not: the later one is made again without
// what the first holds, although the log is read from before both.
func TestRebuildLeavesOutWhatIsDelivered(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) { s.Buffering.Interval = stream.Duration(time.Millisecond) })
	passed := false
	w.objects.Hook(deliverytest.Create, func(ctx context.Context, key string) error {
		if strings.HasPrefix(key, "key=a/") && !passed {
			passed = true
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	})
	w.start()
	w.append(record("b", 1), record("a", 2))
	w.eventually("the first object of a is delivered", func() bool { return w.service.Books()["s"].Delivered == 1 })
	w.append(record("a", 3))
	w.eventually("the second is being uploaded", func() bool { return w.objects.Calls(deliverytest.Create) == 3 })
	w.kill()
	w.objects.Hook(deliverytest.Create, nil)
	w.start()
	w.drain()
	w.want(`key=a {"key":"a","n":2}`, `key=a {"key":"a","n":3}`, `key=b {"key":"b","n":1}`)
}

// liveUntil is a life, which live starts and appends to. It ends with its step-th commit or upload to one of the stores, or when
// everything is delivered. It reports whether it came to that step.
func (w *world) liveUntil(step int, live func(), stores ...*deliverytest.Memory) (killed bool) {
	w.t.Helper()
	reached := make(chan struct{})
	var left atomic.Int64
	left.Store(int64(step))
	strike := func() error {
		n := left.Add(-1)
		if n == 0 {
			close(reached)
		}
		if n <= 0 {
			return errors.New("killed")
		}
		return nil
	}
	w.log.Fault = func(op string) error {
		if op == "commit" {
			return strike()
		}
		return nil
	}
	for _, m := range stores {
		m.Hook(deliverytest.Create, func(ctx context.Context, _ string) error {
			if err := strike(); err != nil {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		defer m.Hook(deliverytest.Create, nil)
	}
	live()
	w.eventually("killed or done", func() bool {
		select {
		case <-reached:
			killed = true
			return true
		default:
			return w.log.Stats().Streams[w.id].Pending == 0
		}
	})
	w.kill()
	w.log.Fault = nil
	return killed
}

// A life may end at any commit or any upload; the next one goes on where it stood.
func TestKilledAtEveryStep(t *testing.T) {
	const records = 30
	var want []string
	for i := range records {
		key := string(rune('a' + i%3))
		want = append(want, fmt.Sprintf("key=%s %s", key, record(key, i)))
	}
	for step := 1; ; step++ {
		w := newWorld(t, func(s *stream.Stream) { s.Buffering.Interval = stream.Duration(time.Millisecond) })
		killed := w.liveUntil(step, func() {
			w.start()
			for i := range records {
				w.append(record(string(rune('a'+i%3)), i))
			}
		}, w.objects)
		w.start()
		w.drain()
		w.want(want...)
		if t.Failed() {
			t.Fatalf("killed at step %d", step)
		}
		if !killed {
			if step < 6 {
				t.Fatalf("only %d steps in a whole life", step)
			}
			return
		}
	}
}
