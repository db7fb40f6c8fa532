package delivery_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
)

func (w *world) flush() delivery.Flushed {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	sealed, err := w.service.Flush(ctx, w.id)
	if err != nil {
		w.t.Fatal(err)
	}
	return sealed
}

// What was acknowledged before is sealed, at the backup too, and delivered without its size and interval; what comes later
// is not. Another flush finds nothing to do.
func TestFlush(t *testing.T) {
	w := newBackedUp(t, nil)
	w.start()
	w.append(record("a", 1), record("b", 2), `{"no":"key"}`)
	if got, want := w.flush(), (delivery.Flushed{Objects: 4, Records: 6}); got != want {
		t.Errorf("sealed %+v, want %+v", got, want)
	}
	w.eventually("all is delivered", func() bool { return w.pending() == 0 })
	if got := w.flush(); got != (delivery.Flushed{}) {
		t.Errorf("once more: sealed %+v", got)
	}
	w.append(record("a", 3))
	w.drain()
	w.wantCopies(record("a", 1), record("b", 2), `{"no":"key"}`, record("a", 3))
	if got := len(w.objects.Keys()); got != 4 {
		t.Errorf("%d objects are delivered, want 4", got)
	}
}

// away makes every upload fail.
func away(why string) func(context.Context, string) error {
	return func(context.Context, string) error {
		return &delivery.Error{Class: delivery.Transient, Err: errors.New(why)}
	}
}

// A flush is answered once it is durable: a node killed right then makes the same objects again, and no others.
func TestFlushThenKilled(t *testing.T) {
	w := newWorld(t, nil)
	w.objects.Hook(deliverytest.Create, away("away"))
	w.start()
	w.append(record("a", 1), record("b", 2))
	if got := w.flush(); got.Objects != 2 {
		t.Fatalf("sealed %+v", got)
	}
	w.kill()
	sealed := w.manifests()
	w.objects.Hook(deliverytest.Create, nil)
	w.start()
	w.append(record("a", 3))
	w.drain()
	for _, m := range sealed {
		if _, there := w.objects.Object(m.Key); !there || m.Reason != "flush" {
			t.Errorf("%s was sealed by %s; it is there: %v", m.Key, m.Reason, there)
		}
	}
	if len(sealed) != 2 || len(w.objects.Keys()) != 3 {
		t.Errorf("%d objects were sealed, %d are delivered, want 2 and 3", len(sealed), len(w.objects.Keys()))
	}
	w.want("key=a "+record("a", 1), "key=b "+record("b", 2), "key=a "+record("a", 3))
}

// At its bound a lane seals nothing more: the flush waits, says why, and leaves the rest to the next one.
func TestFlushWithoutRoom(t *testing.T) {
	w := newWorld(t, nil)
	w.cfg.Waiting = 2
	w.objects.Hook(deliverytest.Create, away("no such bucket"))
	w.start()
	w.append(record("a", 1), record("b", 2), record("c", 3))
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := w.service.Flush(ctx, w.id)
		failed <- err
	}()
	w.eventually("the destination is known to be away", func() bool { return len(w.service.Health()) > 0 })
	cancel()
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "no such bucket") {
		t.Errorf("got %v", err)
	}
	w.objects.Hook(deliverytest.Create, nil)
	w.flush()
	w.eventually("all is delivered", func() bool { return w.pending() == 0 })
	w.want("key=a "+record("a", 1), "key=b "+record("b", 2), "key=c "+record("c", 3))
}

// A stream with a function is flushed through it.
func TestFlushThroughAFunction(t *testing.T) {
	w := newFunctionWorld(t, shout, nil)
	w.start()
	for round := range 3 {
		w.append("alpha", "beta drop", "gamma")
		if got := w.flush(); got.Records != 2 {
			t.Errorf("round %d: sealed %+v", round, got)
		}
	}
	w.eventually("all is delivered", func() bool { return len(w.texts()) == 6 })
}
