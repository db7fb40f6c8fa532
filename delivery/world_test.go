package delivery_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hydrant/buffer"
	"hydrant/buffer/memlog"
	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
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
	w.appendTo(w.id, records...)
}

// beside defines another stream.
func (w *world) beside(def stream.Stream) buffer.StreamID {
	w.t.Helper()
	id := buffer.NewStreamID()
	if _, err := w.log.Define(w.t.Context(), buffer.Definition{Stream: id, Name: def.Name, Logic: 1, Data: def.Encode()}); err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) appendTo(id buffer.StreamID, records ...string) {
	w.t.Helper()
	b := buffer.Batch{Stream: id}
	for _, r := range records {
		b.Records = append(b.Records, []byte(r))
	}
	if _, err := w.log.Append(w.t.Context(), b); err != nil {
		w.t.Fatal(err)
	}
}

func record(key string, n int) string { return fmt.Sprintf(`{"key":%q,"n":%d}`, key, n) }

// startWith begins a life of delivery with destinations and definitions of the test's choice.
func (w *world) startWith(
	open func(context.Context, stream.Destination) (delivery.Destination, error),
	current func(string) (stream.Stream, bool),
) {
	w.service = delivery.New(w.cfg, delivery.Deps{Open: open, Current: current, Log: slog.New(slog.DiscardHandler), Scratch: w.scratch})
	var ctx context.Context
	ctx, w.cancel = context.WithCancel(context.Background())
	w.ended = make(chan error, 1)
	go func() { w.ended <- w.service.Run(ctx, &w.log) }()
}

// look shows the stream's lane as it is on disk.
func (w *world) look(see func(buffer.Lane)) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	_ = w.log.Serve(ctx, func(_ context.Context, l buffer.Lane) error {
		see(l)
		cancel()
		return nil
	})
}

// manifest is the only one that is on disk.
func (w *world) manifest() *delivery.Manifest {
	w.t.Helper()
	var found *delivery.Manifest
	w.look(func(l buffer.Lane) {
		for key, value := range l.State() {
			if m, ok, err := delivery.DecodeManifest(key, value); ok && err == nil {
				found = m
			}
		}
	})
	if found == nil {
		w.t.Fatal("there is no manifest")
	}
	return found
}

// origin names the log as leases do.
func (w *world) origin() (log string) {
	w.look(func(l buffer.Lane) { log = fmt.Sprintf("%x", l.Info().Origin.Log) })
	return log
}

// leaseOf is another life's record.
func leaseOf(t *testing.T, ours, life, node string, epoch uint64) string {
	t.Helper()
	var r delivery.LeaseRecord
	if err := json.Unmarshal([]byte(ours), &r); err != nil {
		t.Fatal(err)
	}
	r.Life, r.Node, r.Epoch, r.Released = life, node, epoch, false
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func expectStopped(t *testing.T, w *world, reason string) {
	t.Helper()
	health := w.service.Health()
	if len(health) != 1 || !health[0].Stopped || !strings.Contains(health[0].Reason, reason) {
		t.Errorf("health is %+v, want a stopped stream and %q", health, reason)
	}
}
