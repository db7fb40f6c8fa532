package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/buffer"
	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
	"hydrant/delivery/transform"
	"hydrant/stream"
)

// gate lets nothing through to a function until it is open.
type gate struct {
	transform.Invoker
	open atomic.Bool
}

func (g *gate) Invoke(ctx context.Context, request []byte) ([]byte, error) {
	if !g.open.Load() {
		return nil, &transform.Error{Class: transform.Unavailable, Code: transform.Unreachable, Err: errors.New("away")}
	}
	return g.Invoker.Invoke(ctx, request)
}

// sumOf is a counter over all of its labels.
func sumOf(t *testing.T, from prometheus.Gatherer, name string) (sum float64) {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

func inRanges(ranges [][2]buffer.Seq) (n int) {
	for _, r := range ranges {
		n += int(r[1]-r[0]) + 1
	}
	return n
}

// wantFunctionBooks waits for books in which everything is settled, with so many records lost.
func (w *world) wantFunctionBooks(quarantined int64) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("the books balance with %d lost", quarantined), func() bool {
		books, stats := w.service.Books()["s"], w.log.Stats().Streams[w.id]
		return books.Quarantined == quarantined && books.Settled() == stats.Accepted && stats.Pending == 0
	})
}

// Records that are lost on their way to the function, before or after the main track has passed over them, or on their way
// from it, are in the books once, and the books balance; also in the next life.
func TestDamageOnTheWayOfAFunction(t *testing.T) {
	const n = 10
	for name, c := range map[string]struct {
		late    bool // the damage comes when the main track is past it
		source  [][2]buffer.Seq
		derived [][2]buffer.Seq
		lost    int
	}{
		"source":             {source: [][2]buffer.Seq{{3, 5}, {9, 9}}, lost: 4},
		"source, late":       {late: true, source: [][2]buffer.Seq{{3, 5}, {9, 9}}, lost: 4},
		"all of the source":  {source: [][2]buffer.Seq{{1, n}}, lost: n},
		"all of it, late":    {late: true, source: [][2]buffer.Seq{{1, n}}, lost: n},
		"derived":            {derived: [][2]buffer.Seq{{2, 3}}, lost: 2},
		"all of the derived": {derived: [][2]buffer.Seq{{1, n}}, lost: n},
		"source and derived": {late: true, source: [][2]buffer.Seq{{1, 2}}, derived: [][2]buffer.Seq{{4, 5}}, lost: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &gate{Invoker: shout}
			w := newFunctionWorld(t, g, func(s *stream.Stream) { s.Transform.Buffering.Interval = new(stream.Duration(time.Millisecond)) })
			for i := range n {
				w.append(fmt.Sprint("r", i))
			}
			if c.late {
				w.start()
				w.eventually("the function is waited for", func() bool { return len(w.service.Health()) == 1 })
				w.kill()
			}
			for _, r := range c.source {
				w.log.Damage(w.id, r[0], r[1])
			}
			g.open.Store(true)
			if c.derived != nil {
				w.objects.Hook(deliverytest.Create, func(context.Context, string) error { return errDown })
				registry := prometheus.NewPedanticRegistry()
				w.metrics = delivery.NewMetrics(registry)
				w.start()
				w.eventually("everything is journaled", func() bool {
					return sumOf(t, registry, "hydrant_function_records_total") == float64(n-inRanges(c.source))
				})
				w.kill()
				w.metrics = nil
				for _, r := range c.derived {
					w.log.DamageDerived(w.id, r[0], r[1])
				}
				w.objects.Hook(deliverytest.Create, nil)
			}
			for range 2 {
				w.start()
				w.append("again")
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				err := w.service.Drain(ctx, &w.log)
				cancel()
				if err != nil {
					t.Fatal(err)
				}
				w.wantFunctionBooks(int64(c.lost))
				w.kill()
			}
			if got := len(w.texts()); got != n-c.lost+2 {
				t.Errorf("%d records are delivered, want %d: %q", got, n-c.lost+2, w.texts())
			}
		})
	}
}

// Of a damaged range nobody knows how much was for the function and how much the main track had delivered: in the end the
// books are exact all the same.
func TestDamageOverSeveralVersions(t *testing.T) {
	for _, late := range []bool{false, true} {
		g := &gate{Invoker: shout}
		w := newFunctionWorld(t, g, func(s *stream.Stream) { s.Transform.Buffering.Interval = new(stream.Duration(time.Millisecond)) })
		with := w.def
		without := with
		without.Transform, without.Prefix, without.Buffering.Interval = nil, "plain/", stream.Duration(time.Millisecond)
		for range 3 {
			w.def = with
			w.define()
			w.append("f")
			w.def = without
			w.define()
			w.append("p")
		}
		delivered := 0
		if late {
			w.start()
			w.eventually("the main track is through", func() bool { return w.service.Books()["s"].Delivered == 3 })
			delivered = 3
			w.kill()
		}
		w.log.Damage(w.id, 2, 5)
		g.open.Store(true)
		w.start()
		w.append("end")
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if err := w.service.Drain(ctx, &w.log); err != nil {
			t.Fatal(err)
		}
		cancel()
		lost := int64(4)
		if delivered > 0 {
			lost = 2 // the two for the function
		}
		w.wantFunctionBooks(lost)
		w.kill()
	}
}

// Where what the function knew is older than what it derived, the derived lane knows better.
func TestFunctionTotalsThatWereLost(t *testing.T) {
	w := newFunctionWorld(t, shout, nil)
	w.append("a", "b", "c")
	w.start()
	w.drain()
	w.look(func(l buffer.Lane) {
		if l.Info().ID.IsDerived() {
			return
		}
		older := []buffer.Entry{{Key: "function/totals", Value: []byte(`{"passed":3,"made":1,"cursor":2}`)}}
		if err := l.Commit(t.Context(), buffer.Change{Cursor: l.Info().Head, Put: older}); err != nil {
			t.Error(err)
		}
	})
	w.start()
	w.wantFunctionBooks(0)
}

// The books of a stream that has no function any more know of what went through it, also beside damage.
func TestBooksKnowOfAFunctionThatWas(t *testing.T) {
	w := newFunctionWorld(t, shout, nil)
	w.start()
	w.append("one", "drop", "two")
	w.drain()
	w.def.Transform, w.def.Prefix = nil, "plain/!{firehose:random-string}/"
	w.define()
	w.append("three", "four", "five")
	w.log.Damage(w.id, 5, 5)
	w.start()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := w.service.Drain(ctx, &w.log); err != nil {
		t.Fatal(err)
	}
	w.wantFunctionBooks(1)
	w.kill()
	w.start()
	w.awaitRead()
	w.wantFunctionBooks(1)
}
