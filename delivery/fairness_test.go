package delivery_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

// One stream floods a destination whose uploads hang, another has one record at a time: that is delivered, again and
// again, while nothing of the first is; and once some of the first have failed they take one slot.
func TestHangingDestinationStarvesNobody(t *testing.T) {
	lake, swamp := deliverytest.NewMemory(), deliverytest.NewMemory()
	w := newWorld(t, func(s *stream.Stream) { s.Destination.Directory.Path, s.Buffering.Size = "/lake", 1 })
	var hanging atomic.Int64
	fail := make(chan struct{})
	swamp.Hook(deliverytest.Create, func(ctx context.Context, _ string) error {
		hanging.Add(1)
		defer hanging.Add(-1)
		select {
		case <-fail:
			return &delivery.Error{Op: "create", Class: delivery.Transient, Err: context.DeadlineExceeded}
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	flood := w.def
	flood.Name, flood.Destination = "flood", stream.Destination{Directory: &stream.Directory{Path: "/swamp"}}
	flooded := w.beside(flood)
	w.startWith(func(_ context.Context, d stream.Destination) (delivery.Destination, error) {
		return map[string]delivery.Destination{"/lake": lake, "/swamp": swamp}[d.Directory.Path], nil
	}, func(name string) (stream.Stream, bool) {
		return map[string]stream.Stream{"flood": flood, "s": w.def}[name], true
	})
	w.eventually("both are served", func() bool { return len(w.service.Books()) == 2 })
	for i := range 64 {
		w.appendTo(flooded, record(fmt.Sprint("k", i), i))
	}
	w.eventually("uploads hang", func() bool { return hanging.Load() == 3 })
	deliver := func(n int) {
		w.append(record("q", n))
		w.eventually("the other stream is delivered", func() bool { return len(lake.Keys()) == n })
	}
	for n := range 10 {
		deliver(1 + n)
	}
	close(fail)
	w.eventually("the attempts fail", func() bool { return swamp.Calls(deliverytest.Create) > 3 })
	for n := range 10 {
		deliver(11 + n)
	}
	if len(swamp.Keys()) != 0 {
		t.Error("something went to the destination that hangs")
	}
}
