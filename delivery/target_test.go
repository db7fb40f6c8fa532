package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

// fleet is a world whose destinations are several, by path.
type fleet struct {
	*world
	mu     sync.Mutex
	places map[string]delivery.Destination
}

func newFleet(t *testing.T, places map[string]delivery.Destination, first string) *fleet {
	w := newWorld(t, func(s *stream.Stream) { s.Destination.Directory.Path = first })
	w.objects = nil
	return &fleet{world: w, places: places}
}

// startFleet begins a life of delivery.
func (f *fleet) startFleet() {
	f.startWith(func(_ context.Context, d stream.Destination) (delivery.Destination, error) {
		return f.places[d.Directory.Path], nil
	}, func(string) (stream.Stream, bool) {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.def, true
	})
}

// correct changes the destination in the configuration.
func (f *fleet) correct(path string) {
	f.mu.Lock()
	f.def.Destination = stream.Destination{Directory: &stream.Directory{Path: path}}
	f.mu.Unlock()
	f.define()
}

var errNoBucket = &delivery.Error{Class: delivery.Held, Refused: true, Err: errors.New("NoSuchBucket")}

// What was refused for good goes to the corrected destination, in the same life and in the next.
func TestCorrectedDestinationGetsWhatWaits(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint("restart ", restart), func(t *testing.T) {
			wrong, right := deliverytest.NewMemory(), deliverytest.NewMemory()
			f := newFleet(t, map[string]delivery.Destination{"/wrong": wrong, "/right": right}, "/wrong")
			f.def.Buffering.Interval = stream.Duration(time.Millisecond)
			wrong.Hook(deliverytest.Create, func(context.Context, string) error { return errNoBucket })
			wrong.Hook(deliverytest.Stat, func(context.Context, string) error {
				return &delivery.Error{Class: delivery.Held, Err: errors.New("AccessDenied: nobody may look")}
			})
			f.append(record("a", 1))
			f.startFleet()
			f.eventually("it is refused", func() bool { return wrong.Calls(deliverytest.Create) > 0 && len(f.service.Health()) > 0 })
			if restart {
				f.eventually("the refusal is durable", func() bool { return f.manifest().Attempted == false })
				f.kill()
			}
			f.correct("/right")
			if restart {
				f.startFleet()
			}
			f.drain()
			if len(right.Keys()) != 1 || len(wrong.Keys()) != 0 {
				t.Errorf("right holds %q, wrong holds %q", right.Keys(), wrong.Keys())
			}
		})
	}
}

// An attempt whose outcome nobody knows keeps its object at the old destination until looking there tells.
func TestUnknownOutcomeIsLookedAtInTheOldPlace(t *testing.T) {
	for _, tt := range []struct{ created, restart bool }{{true, false}, {true, true}, {false, false}, {false, true}} {
		t.Run(fmt.Sprintf("%+v", tt), func(t *testing.T) {
			wrong, right := deliverytest.NewMemory(), deliverytest.NewMemory()
			f := newFleet(t, map[string]delivery.Destination{"/wrong": wrong, "/right": right}, "/wrong")
			f.def.Buffering.Interval = stream.Duration(time.Millisecond)
			var blind atomic.Bool
			blind.Store(true)
			away := &delivery.Error{Err: errors.New("away")}
			wrong.Hook(deliverytest.Create, func(context.Context, string) error {
				if wrong.Calls(deliverytest.Create) == 1 && tt.created {
					return nil
				}
				return away
			})
			wrong.LoseReply(deliverytest.Create, 1, away)
			wrong.Hook(deliverytest.Stat, func(context.Context, string) error {
				if blind.Load() {
					return away
				}
				return nil
			})
			f.append(record("a", 1))
			f.startFleet()
			f.eventually("the outcome is unknown", func() bool { return len(f.service.Health()) > 0 })
			if tt.restart {
				f.kill()
			}
			f.correct("/right")
			if tt.restart {
				f.startFleet()
			}
			looked := wrong.Calls(deliverytest.Stat)
			f.eventually("the old place is looked at", func() bool { return wrong.Calls(deliverytest.Stat) > looked+1 })
			if n := len(right.Keys()); n != 0 {
				t.Errorf("%d objects are at the new place while nobody knows", n)
			}
			blind.Store(false)
			f.drain()
			if at := map[bool]int{true: len(wrong.Keys()), false: len(right.Keys())}[tt.created]; at != 1 || len(wrong.Keys())+len(right.Keys()) != 1 {
				t.Errorf("wrong holds %q, right holds %q", wrong.Keys(), right.Keys())
			}
		})
	}
}

// prober is a destination that must be asked first.
type prober struct {
	*deliverytest.Memory
	mu     sync.Mutex
	errs   []error
	probes int
}

func (p *prober) Probe(context.Context) (delivery.Conditions, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.probes++
	if len(p.errs) > 0 {
		err := p.errs[0]
		p.errs = p.errs[1:]
		return delivery.Conditions{}, err
	}
	return delivery.Conditions{Put: true}, nil
}

// A probe that fails is an upload's trouble, and one that succeeds is the last.
func TestProbeIsRepeatedUntilItSucceeds(t *testing.T) {
	p := &prober{Memory: deliverytest.NewMemory(), errs: []error{&delivery.Error{Op: "probe", Err: errors.New("reset")}}}
	p.Hook(deliverytest.Create, func(context.Context, string) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.probes != 2 {
			t.Errorf("an upload after %d probes, want 2", p.probes)
		}
		return nil
	})
	f := newFleet(t, map[string]delivery.Destination{"/lake": p}, "/lake")
	f.append(record("a", 1), record("b", 2), record("c", 3))
	f.startFleet()
	f.drain()
	if n := len(p.Keys()); n != 3 || p.probes != 2 {
		t.Errorf("%d objects after %d probes, want 3 after 2", n, p.probes)
	}
}

// Two lives of one log: the one that comes second, with the same epoch, uploads nothing and names the other.
func TestCopiedBufferIsRefused(t *testing.T) {
	objects := deliverytest.NewMemory()
	f := newFleet(t, map[string]delivery.Destination{"/lake": objects}, "/lake")
	f.append(record("a", 1))
	f.startFleet()
	f.drain()
	lease := objects.Record(f.origin())
	if lease == "" {
		t.Fatal("there is no lease")
	}
	objects.SetRecord(f.origin(), leaseOf(t, lease, "the copy's", "node b", 99))
	f.append(record("a", 2))
	f.startFleet()
	f.awaitRead()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := f.service.Drain(ctx, &f.log); err == nil || ctx.Err() != nil {
		t.Fatalf("drain = %v, want the news that the lane has ended", err)
	}
	expectStopped(t, f.world, "node b")
	f.kill()
	objects.SetRecord(f.origin(), leaseOf(t, lease, "the copy's", "node b", 1)) // however high our epoch is by now
	f.startFleet()
	f.awaitRead()
	f.eventually("it is refused again", func() bool { return len(f.service.Health()) == 1 && f.service.Health()[0].Stopped })
	if n := len(objects.Keys()); n != 1 {
		t.Errorf("%d objects, want the first alone", n)
	}
	f.kill()
	objects.RemoveRecord(f.origin())
	f.startFleet()
	f.drain()
	f.startFleet() // nothing remembers the refusal
	f.append(record("a", 3))
	f.drain()
	if n := len(objects.Keys()); n != 3 {
		t.Errorf("%d objects after the operator's word, want 3", n)
	}
}

// A burst of refusals halves the uploads at once, for all of them together, and successes let them rise again.
func TestThrottledDestinationGetsLess(t *testing.T) {
	const most, objects = 4, 40
	lake := deliverytest.NewMemory()
	f := newFleet(t, map[string]delivery.Destination{"/lake": lake}, "/lake")
	f.cfg.Uploads, f.cfg.Waiting = most, objects
	var mu sync.Mutex
	var calls, running, done, highest int
	full, all := make(chan struct{}), make(chan struct{})
	lake.Hook(deliverytest.Create, func(context.Context, string) error {
		mu.Lock()
		calls++
		burst, final := calls <= most, calls > objects
		if calls == most {
			close(full)
		}
		mu.Unlock()
		if burst { // all that fit at once
			<-full
			return &delivery.Error{Class: delivery.Throttled, Refused: true, Err: errors.New("SlowDown")}
		}
		mu.Lock()
		running++
		if running == most && highest < most {
			close(all)
		}
		highest = max(highest, running)
		if allowed := most/2 + done/(most/2); running > allowed {
			t.Errorf("%d uploads at once after %d successes, want at most %d", running, done, allowed)
		}
		mu.Unlock()
		if final { // by then all may run at once again
			<-all
		}
		mu.Lock()
		defer mu.Unlock()
		running, done = running-1, done+1
		return nil
	})
	for i := range objects {
		f.append(record(fmt.Sprint("k", i), i))
	}
	f.startFleet()
	f.drain()
	if n := len(lake.Keys()); n != objects || highest != most {
		t.Errorf("%d objects, at most %d uploads at once; want %d and %d in the end", n, highest, objects, most)
	}
}
