package delivery_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

func TestConflictStopsTheStream(t *testing.T) {
	for _, metadata := range []bool{true, false} {
		t.Run(fmt.Sprint("metadata ", metadata), func(t *testing.T) {
			w := newWorld(t, nil)
			if !metadata {
				w.objects.KeepNoMetadata()
			}
			w.append(record("a", 1))
			var once sync.Once
			w.objects.Hook(deliverytest.Create, func(ctx context.Context, key string) error {
				once.Do(func() {
					w.objects.Hook(deliverytest.Create, nil)
					foreign := &delivery.Object{Key: key, Body: delivery.Body{[]byte("somebody else's")}, Metadata: delivery.Metadata{Stream: "other"}}
					if err := w.objects.Create(ctx, foreign); err != nil {
						t.Error(err)
					}
				})
				return nil
			})
			w.start()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := w.service.Drain(ctx, &w.log); err == nil || ctx.Err() != nil {
				t.Fatalf("drain: %v, want the news that the lane has ended", err)
			}
			health := w.service.Health()
			if len(health) != 1 || !health[0].Stopped {
				t.Errorf("health: %+v, want a stopped stream", health)
			}
			o, _ := w.objects.Object(w.objects.Keys()[0])
			if string(bytes.Join(o.Body, nil)) != "somebody else's" {
				t.Error("the foreign object was overwritten")
			}
		})
	}
}

// A stream that has stopped does not keep others from being drained.
func TestStoppedStreamDoesNotHoldUpTheDrain(t *testing.T) {
	w := newWorld(t, nil)
	w.append(record("stops", 1))
	const others = 3 // with the one that stops, as many as upload at once
	for i := range others {
		def := w.def
		def.Name = fmt.Sprint("other", i)
		w.appendTo(w.beside(def), record("goes", i))
	}
	stopped := make(chan struct{})
	w.objects.Hook(deliverytest.Create, func(ctx context.Context, key string) error {
		if strings.HasPrefix(key, "key=stops/") {
			return &delivery.ConflictError{Key: key}
		}
		select {
		case <-stopped:
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	w.start()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	drained := make(chan error, 1)
	delivered := 0
	go func() {
		err := w.service.Drain(ctx, &w.log)
		delivered = len(w.objects.Keys())
		drained <- err
	}()
	w.eventually("one has stopped", func() bool { health := w.service.Health(); return len(health) == 1 && health[0].Stopped })
	close(stopped)
	if err := <-drained; err == nil || !strings.Contains(err.Error(), "stream s is not delivered") {
		t.Errorf("drain: %v, want the news that one has stopped", err)
	}
	if delivered != others {
		t.Errorf("%d objects were delivered, want %d", delivered, others)
	}
}

// Every kind of trouble is retried; none loses or doubles anything.
func TestTroubleIsRetried(t *testing.T) {
	cause := errors.New("trouble")
	for name, hurt := range map[string]func(*deliverytest.Memory){
		"refused":    func(m *deliverytest.Memory) { m.Fail(deliverytest.Create, 2, cause) },
		"reply lost": func(m *deliverytest.Memory) { m.LoseReply(deliverytest.Create, 1, cause) },
		"reply and stat lost": func(m *deliverytest.Memory) {
			m.LoseReply(deliverytest.Create, 1, cause)
			m.Fail(deliverytest.Stat, 1, cause)
		},
		"no metadata": func(m *deliverytest.Memory) { m.KeepNoMetadata(); m.LoseReply(deliverytest.Create, 1, cause) },
		"no metadata, no read": func(m *deliverytest.Memory) {
			m.KeepNoMetadata()
			m.LoseReply(deliverytest.Create, 1, cause)
			m.Fail(deliverytest.Open, 1, cause)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			hurt(w.objects)
			// Long enough for several blocks of the checksum: a short text does not tell a wrong one.
			long := fmt.Sprintf(`{"key":"a","pad":%q}`, strings.Repeat("0123456789", 1000))
			w.append(long)
			w.start()
			w.drain()
			w.want("key=a " + long)
			if len(w.objects.Keys()) != 1 {
				t.Errorf("objects: %q", w.objects.Keys())
			}
			if health := w.service.Health(); len(health) > 0 {
				t.Errorf("health after the trouble: %+v", health)
			}
		})
	}
}

// An outage fills a bounded number of objects and then waits in the log, so that it does not end in an avalanche.
func TestOutageIsNotAnAvalanche(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) { s.Buffering.Interval = stream.Duration(time.Millisecond) })
	w.cfg.Waiting = 4
	var mu sync.Mutex
	down := true
	w.objects.Hook(deliverytest.Create, func(context.Context, string) error {
		mu.Lock()
		defer mu.Unlock()
		if down {
			return &delivery.Error{Op: deliverytest.Create, Class: delivery.Transient, Refused: true, Err: errors.New("down")}
		}
		return nil
	})
	w.start()
	const records = 400
	for i := range records {
		w.append(record("a", i))
	}
	w.eventually("the outage is noticed", func() bool { return len(w.service.Health()) == 1 })
	mu.Lock()
	down = false
	mu.Unlock()
	w.drain()
	if n := len(w.lines()); n != records {
		t.Errorf("%d lines, want %d", n, records)
	}
	if n := len(w.objects.Keys()); n > 60 {
		t.Errorf("%d records became %d objects", records, n)
	}
}
