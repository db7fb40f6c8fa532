package delivery_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hydrant/delivery"
	"hydrant/stream"
)

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
