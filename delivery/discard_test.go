package delivery_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/buffer"
	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

func (w *world) pending() int64 { return w.log.Stats().Streams[w.id].Pending }

// What a discarded stream holds is given up, whether it is open, waits for its destination or arrives later; another
// stream is delivered meanwhile, and the books count every record once.
func TestDiscard(t *testing.T) {
	for name, failing := range map[string]bool{"open": false, "refused by the destination": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			registry := prometheus.NewRegistry()
			w.metrics = delivery.NewMetrics(registry)
			if failing {
				w.objects.Hook(deliverytest.Create, func(context.Context, string) error {
					return &delivery.Error{Class: delivery.Held, Refused: true, Err: errors.New("no")}
				})
				w.def.Buffering.Interval = 1
			}
			w.start()
			w.append(`{"key":"a"}`, `{"key":"b"}`)
			w.awaitRead()
			if failing {
				w.eventually("the upload is refused", func() bool { return len(w.service.Health()) == 1 })
			}
			w.service.Discard(w.id)
			w.eventually("everything is given up", func() bool { return w.pending() == 0 })
			w.append(`{"key":"late"}`)
			w.eventually("so is what comes late", func() bool { return w.pending() == 0 })
			if len(w.service.Health()) > 0 || len(w.service.Books()) > 0 {
				t.Errorf("the stream is still told of: %v, %v", w.service.Health(), w.service.Books())
			}
			w.drain()
			if got := discarded(t, registry); got != 3 { // it counts what is durable: not yet when that is
				t.Errorf("the metric counts %v records, want 3", got)
			}
			if keys := w.objects.Keys(); len(keys) > 0 {
				t.Errorf("%q were delivered", keys)
			}
			w.look(func(l buffer.Lane) {
				for key, value := range l.State() {
					if key != "totals" || string(value) != `{"delivered":0,"bytes":0,"objects":0,"discarded":3}` {
						t.Errorf("left is %s: %s", key, value)
					}
				}
			})
		})
	}
}

func discarded(t *testing.T, registry *prometheus.Registry) (sum float64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "hydrant_discarded_records_total" {
			for _, m := range family.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// A stream that was discarded before delivery began, and one whose lane has stopped for good, are given up like others.
func TestDiscardWhatIsNotRunning(t *testing.T) {
	t.Run("before the start", func(t *testing.T) {
		w := newWorld(t, nil)
		w.append(`{"key":"a"}`)
		w.service = delivery.New(w.cfg, delivery.Deps{Open: w.open})
		w.service.Discard(w.id)
		w.run()
		w.eventually("everything is given up", func() bool { return w.pending() == 0 })
	})
	t.Run("stopped", func(t *testing.T) {
		w := newWorld(t, nil)
		if _, err := w.log.Define(t.Context(), buffer.Definition{Stream: w.id, Name: w.def.Name, Logic: 1, Data: []byte("nonsense")}); err != nil {
			t.Fatal(err)
		}
		w.append(`{"key":"a"}`)
		w.start()
		w.eventually("the lane has stopped", func() bool { h := w.service.Health(); return len(h) == 1 && h[0].Stopped })
		w.service.Discard(w.id)
		w.eventually("everything is given up", func() bool { return w.pending() == 0 })
		w.cancel()
		if err := <-w.ended; err == nil {
			t.Error("Run does not tell that the lane had stopped")
		}
		w.cancel = nil
		w.log.Open()
	})
}

func (w *world) open(context.Context, stream.Destination) (delivery.Destination, error) {
	return w.objects, nil
}

// run begins a life of a service that is there.
func (w *world) run() {
	var ctx context.Context
	ctx, w.cancel = context.WithCancel(context.Background())
	w.ended = make(chan error, 1)
	go func() { w.ended <- w.service.Run(ctx, &w.log) }()
}

// A stream that is hastened does not wait for its interval, also where its lane begins later; then it can be discarded.
func TestHasten(t *testing.T) {
	for name, before := range map[string]bool{"running": false, "before the start": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.append(`{"key":"a"}`, `{"key":"b"}`)
			w.service = delivery.New(w.cfg, delivery.Deps{Open: w.open})
			if before {
				w.service.Hasten(w.id)
			}
			w.run()
			if !before {
				w.awaitRead()
				w.service.Hasten(w.id)
				w.service.Hasten(w.id)
			}
			w.eventually("everything is delivered", func() bool { return w.pending() == 0 })
			if got, want := w.lines(), []string{`key=a {"key":"a"}`, `key=b {"key":"b"}`}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			w.service.Discard(w.id)
			w.append(`{"key":"late"}`)
			w.eventually("what comes late is given up", func() bool { return w.pending() == 0 })
			w.drain()
		})
	}
}

// A stream that takes records again, as one that the configuration file took over while it was drained, waits for its
// interval again.
func TestCalm(t *testing.T) {
	w := newWorld(t, nil)
	w.append(record("a", 1))
	w.start()
	w.awaitRead()
	w.service.Hasten(w.id)
	w.eventually("everything is delivered", func() bool { return w.pending() == 0 })
	w.service.Calm(w.id)
	w.append(record("a", 2))
	w.eventually("it is read", func() bool { return w.service.Open() == 1 || len(w.objects.Keys()) > 1 })
	w.append(record("a", 3))
	w.drain()
	if n := len(w.objects.Keys()); n != 2 {
		t.Errorf("%d objects, want the one of before, and one for what came since", n)
	}
}
