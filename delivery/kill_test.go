package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

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
