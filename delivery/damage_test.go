package delivery_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/buffer"
	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
)

var errDown = &delivery.Error{Class: delivery.Transient, Refused: true, Err: errors.New("down")}

// sealUndelivered leaves n records of one partition sealed in one object whose upload was refused to the end.
func (w *world) sealUndelivered(n int) {
	w.t.Helper()
	w.objects.Hook(deliverytest.Create, func(context.Context, string) error { return errDown })
	w.appendAndSeal(n)
	w.eventually("the upload is refused", func() bool { return w.objects.Calls(deliverytest.Create) > 0 })
	w.kill()
	w.objects.Hook(deliverytest.Create, nil)
}

// sealUnmarked leaves n records of one partition in one object that is delivered, but was not marked so.
func (w *world) sealUnmarked(n int) {
	w.t.Helper()
	var marks atomic.Int32
	w.log.Fault = func(op string) error {
		if op == "commit" && len(w.objects.Keys()) > 0 {
			marks.Add(1)
			return errors.New("killed")
		}
		return nil
	}
	w.appendAndSeal(n)
	w.eventually("the mark fails", func() bool { return marks.Load() > 0 })
	w.kill()
	w.log.Fault = nil
}

func (w *world) appendAndSeal(n int) {
	for i := range n {
		w.append(record("a", i))
	}
	w.start()
	w.awaitRead()
	ctx, cancel := context.WithCancel(w.t.Context())
	cancel()
	_ = w.service.Drain(ctx, &w.log) // seals; nobody waits for the delivery
}

// wantBooks checks the totals after everything is settled.
func (w *world) wantBooks(delivered, quarantined int64) {
	w.t.Helper()
	books, stats := w.service.Books()["s"], w.log.Stats().Streams[w.id]
	if books.Delivered != delivered || books.Quarantined != quarantined || stats.Accepted != books.Settled() || stats.Pending != 0 {
		w.t.Errorf("books %+v of %+v: want %d delivered, %d quarantined and nothing pending", books, stats, delivered, quarantined)
	}
}

func wantRecords(n int, lost ...int) []string {
	var want []string
	for i := range n {
		if !slices.Contains(lost, i+1) {
			want = append(want, "key=a "+record("a", i))
		}
	}
	return want
}

// A damaged range is passed over: everything around it is delivered, and the books say what is missing.
func TestDamageIsPassedOver(t *testing.T) {
	for name, ranges := range map[string][][2]buffer.Seq{
		"at the beginning": {{1, 3}},
		"in the middle":    {{9, 12}},
		"at the end":       {{38, 40}},
		"everything":       {{1, 40}},
		"scattered":        {{1, 1}, {5, 9}, {10, 10}, {40, 40}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			var lost []int
			for i := range 40 {
				w.append(record("a", i))
			}
			for _, r := range ranges {
				w.log.Damage(w.id, r[0], r[1])
				for seq := r[0]; seq <= r[1]; seq++ {
					lost = append(lost, int(seq))
				}
			}
			w.start()
			w.drain()
			w.want(wantRecords(40, lost...)...)
			w.wantBooks(int64(40-len(lost)), int64(len(lost)))
			w.append(record("a", 40))
			w.start()
			w.drain()
			w.wantBooks(int64(41-len(lost)), int64(len(lost)))
		})
	}
}

// A sealed object that is at its destination is delivered, whatever became of its records since.
func TestDamagedAfterDelivery(t *testing.T) {
	for _, metadata := range []bool{true, false} {
		w := newWorld(t, nil)
		if !metadata {
			w.objects.KeepNoMetadata()
		}
		w.sealUnmarked(20)
		w.log.Damage(w.id, 5, 9)
		w.objects.Fail(deliverytest.Stat, 1, errors.New("no answer"))
		w.start()
		w.drain()
		w.want(wantRecords(20)...)
		w.wantBooks(20, 0)
		if n := len(w.objects.Keys()); n != 1 {
			t.Errorf("%d objects, want the one that was there", n)
		}
	}
}

// A sealed object that is surely absent is superseded by what is left of it, under a key of its own.
func TestDamagedBeforeDelivery(t *testing.T) {
	w := newWorld(t, nil)
	w.sealUndelivered(20)
	old := w.manifests()
	w.log.Damage(w.id, 5, 9)
	w.objects.Fail(deliverytest.Stat, 2, errors.New("no answer"))
	registry := prometheus.NewPedanticRegistry()
	w.metrics = delivery.NewMetrics(registry)
	w.start()
	w.drain()
	w.want(wantRecords(20, 5, 6, 7, 8, 9)...)
	w.wantBooks(15, 5)
	registry.MustRegister(&delivery.Collector{
		Service: w.service, Now: time.Now,
		Buffer: func() ([]buffer.Stream, buffer.Stats) { return w.log.Streams(), w.log.Stats() },
	})
	wantMetrics(t, registry, map[string]float64{
		"hydrant_superseded_objects_total": 1, "hydrant_quarantined_records_total": 5, "hydrant_buffer_damaged_ranges": 1, "hydrant_pending_records": 0,
	})
	keys := w.objects.Keys()
	if len(keys) != 1 || len(old) != 1 || keys[0] == old[0].Key || len(keys[0]) != len(old[0].Key) {
		t.Errorf("objects %q supersede %+v", keys, old)
	}
	if n := w.objects.Calls(deliverytest.Stat); n < 3 {
		t.Errorf("the destination was asked %d times, and twice it did not answer", n)
	}
}

func wantMetrics(t *testing.T, from prometheus.Gatherer, want map[string]float64) {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		value, ok := want[f.GetName()]
		if m := f.GetMetric()[0]; ok && m.GetCounter().GetValue()+m.GetGauge().GetValue() != value {
			t.Errorf("%s is %v, want %v", f.GetName(), m, value)
		}
		delete(want, f.GetName())
	}
	if len(want) > 0 {
		t.Errorf("not exported: %v", want)
	}
}

// While the destination does not tell whether the object is there, nothing is decided.
func TestUnknownOutcomeWaits(t *testing.T) {
	w := newWorld(t, nil)
	w.sealUndelivered(20)
	w.log.Damage(w.id, 5, 9)
	w.objects.Hook(deliverytest.Stat, func(context.Context, string) error { return errDown })
	w.start()
	w.eventually("the destination is asked twice", func() bool { return w.objects.Calls(deliverytest.Stat) > 1 })
	if health := w.service.Health(); len(health) != 1 || health[0].Stopped {
		t.Errorf("health %+v, want trouble that ends by itself", health)
	}
	if keys := w.objects.Keys(); len(keys) > 0 {
		t.Errorf("created meanwhile: %q", keys)
	}
	w.objects.Hook(deliverytest.Stat, nil)
	w.drain()
	w.want(wantRecords(20, 5, 6, 7, 8, 9)...)
}

func TestNothingIsLeftOfAnObject(t *testing.T) {
	w := newWorld(t, nil)
	w.sealUndelivered(20)
	w.log.Damage(w.id, 1, 20)
	w.append(record("a", 20))
	w.start()
	w.drain()
	w.want("key=a " + record("a", 20))
	w.wantBooks(1, 20)
}

// Each life may end at any commit or upload on the way: what is left is there exactly once in the end.
func TestSupersedingIsKilledAtEveryStep(t *testing.T) {
	for step := 1; ; step++ {
		w := newWorld(t, nil)
		w.sealUndelivered(20)
		w.log.Damage(w.id, 5, 9)
		var calls atomic.Int32
		strike := func() error {
			if int(calls.Add(1)) >= step {
				return errors.New("killed")
			}
			return nil
		}
		w.log.Fault = func(op string) error { return strike() }
		w.objects.Hook(deliverytest.Create, func(ctx context.Context, _ string) error {
			if err := strike(); err != nil {
				<-ctx.Done()
				return err
			}
			return nil
		})
		w.start()
		w.awaitRead()
		w.eventually("killed or done", func() bool {
			return int(calls.Load()) >= step || w.log.Stats().Streams[w.id].Pending == 0
		})
		killed := int(calls.Load()) >= step
		w.kill()
		w.log.Fault = nil
		w.objects.Hook(deliverytest.Create, nil)
		w.start()
		w.drain()
		w.want(wantRecords(20, 5, 6, 7, 8, 9)...)
		w.wantBooks(15, 5)
		if t.Failed() {
			t.Fatalf("killed at step %d", step)
		}
		if !killed {
			if step < 4 {
				t.Fatalf("only %d steps: superseding, upload and settling were expected", step)
			}
			return
		}
	}
}

// A manifest that cannot be met although nothing is damaged is a fault of another kind: the stream stops.
func TestMismatchWithoutDamageStopsTheStream(t *testing.T) {
	w := newWorld(t, nil)
	w.sealUndelivered(20)
	for i := range 5 {
		w.append(record("b", i))
	}
	w.log.Damage(w.id, 22, 23) // outside
	m := w.manifests()[0]
	m.Checksum = "xxh64:0000000000000000"
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	w.commit(buffer.Change{Put: []buffer.Entry{{Key: "manifest/" + m.Key, Value: data}}})
	w.start()
	w.eventually("the stream stops", func() bool { h := w.service.Health(); return len(h) == 1 && h[0].Stopped })
	if reason := w.service.Health()[0].Reason; !strings.Contains(reason, "cannot be rebuilt") {
		t.Errorf("it stopped because %s", reason)
	}
}

// onLane runs f on the world's lane between two lives.
func (w *world) onLane(f func(ctx context.Context, lane buffer.Lane) error) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	var failed error
	err := w.log.Serve(ctx, func(ctx context.Context, lane buffer.Lane) error {
		defer cancel()
		failed = f(ctx, lane)
		return nil
	})
	if err := errors.Join(err, failed); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) commit(c buffer.Change) {
	w.onLane(func(ctx context.Context, lane buffer.Lane) error { return lane.Commit(ctx, c) })
}

func (w *world) manifests() (out []*delivery.Manifest) {
	w.onLane(func(_ context.Context, lane buffer.Lane) error {
		for key, value := range lane.State() {
			m, ok, err := delivery.DecodeManifest(key, value)
			if err != nil {
				return fmt.Errorf("state %s: %w", key, err)
			}
			if ok {
				out = append(out, m)
			}
		}
		return nil
	})
	return out
}
