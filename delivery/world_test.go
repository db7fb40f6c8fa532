package delivery_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"hydrant/buffer"
	"hydrant/delivery"
	"hydrant/stream"
)

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
