package delivery_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"hydrant/buffer"
	"hydrant/buffer/memlog"
	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

// readsLog is a log that counts how often each block is read.
type readsLog struct {
	*memlog.Log
	mu    sync.Mutex
	reads map[buffer.Seq]int
}

func (l *readsLog) Serve(ctx context.Context, run func(context.Context, buffer.Lane) error) error {
	return l.Log.Serve(ctx, func(ctx context.Context, in buffer.Lane) error { return run(ctx, &readsLane{in, l}) })
}

type readsLane struct {
	buffer.Lane
	log *readsLog
}

func (l *readsLane) Read(ctx context.Context, after buffer.Seq, b *buffer.Block) error {
	err := l.Lane.Read(ctx, after, b)
	if err == nil {
		l.log.mu.Lock()
		defer l.log.mu.Unlock()
		l.log.reads[b.First]++
	}
	return err
}

// Sealed objects of several partitions, whose ranges lie side by side, are made again, with what was open behind them, in one
// pass over the log. Where neither memory nor scratch has room for them all it takes several, and memory keeps to its bound.
func TestSealedObjectsAreMadeAgainInOnePass(t *testing.T) {
	for name, c := range map[string]struct {
		memory, scratch int64
		once            bool
	}{
		"in memory":     {memory: 64 << 20, once: true},
		"in scratch":    {memory: 1 << 20, scratch: 64 << 20, once: true},
		"without room":  {memory: 1 << 20},
		"scratch full":  {memory: 1 << 20, scratch: 1 << 20},
		"one at a time": {memory: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(s *stream.Stream) {
				s.Compression = "none"
				s.Buffering.Size = stream.MiB
			})
			if c.scratch > 0 {
				w.useScratch(c.scratch)
			}
			var refused sync.Map // keys
			w.objects.Hook(deliverytest.Create, func(_ context.Context, key string) error {
				refused.Store(key, true)
				return errDown
			})
			want := w.spread(2200, 8)
			w.start()
			const sealed = 16 // two of each partition; the third is open
			w.eventually("all is sealed that is full", func() bool {
				n := 0
				refused.Range(func(any, any) bool { n++; return true })
				return n == sealed
			})
			w.kill()

			w.cfg.Memory = c.memory
			w.objects.Hook(deliverytest.Create, func(context.Context, string) error {
				const beside = 4 << 20 // an object that is made again, and the blocks that are read meanwhile
				if used, limit := w.service.Memory(); used > limit+beside {
					t.Errorf("%d bytes are held, of %d", used, limit)
				}
				return nil
			})
			log := &readsLog{Log: &w.log, reads: map[buffer.Seq]int{}}
			w.startOn(log)
			w.drain()
			w.want(want...)
			reads := 0
			for _, n := range log.reads {
				reads += n
			}
			if blocks := len(log.reads); c.once && reads > blocks+blocks/2 { // what was read ahead is given up where the machine stands still
				t.Errorf("%d blocks took %d reads", blocks, reads)
			}
		})
	}
}

// A life that follows another one in the same process goes on where that one had come to: what was delivered and forgotten, in
// a block that is read again for what is behind it, stays delivered.
func TestNextLifeBeginsAtTheCursor(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) { s.Compression = "none" })
	w.objects.Hook(deliverytest.Create, func(context.Context, string) error { return errDown })
	w.start()
	var want []string
	add := func(key string, n int, pad string) {
		r := fmt.Sprintf(`{"key":"%s","n":%d,"pad":"%s"}`, key, n, pad)
		w.append(r)
		want = append(want, "key="+key+" "+r)
	}
	add("a", 1, "")
	add("a", 2, "")
	w.flush()
	for n := range 14 { // the first of them are in the block of those before
		add("b", n, strings.Repeat("x", 100<<10))
	}
	w.flush()
	add("a", 3, "")
	w.kill()

	w.objects.Hook(deliverytest.Create, nil)
	w.cfg.Memory = 1 << 20 // what is made again of b has no room beside what is read
	w.start()
	w.drain()
	w.want(want...)
	w.wantBooks(int64(len(want)), 0)
}
