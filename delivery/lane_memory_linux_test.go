package delivery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"hydrant/buffer"
	"hydrant/buffer/memlog"
	"hydrant/stream"
)

// onLane calls fn with a lane whose destination never answers, and whose loop does not run.
func onLane(t testing.TB, cfg Config, scratch *Scratch, fn func(ctx context.Context, l *lane, v *buffer.Version) error) {
	t.Helper()
	definition := stream.Stream{
		Name:          "s",
		Prefix:        "key=!{partitionKeyFromQuery:key}/",
		PartitionKeys: map[string]string{"key": ".key"},
		Compression:   "none",
		Destination:   stream.Destination{Directory: &stream.Directory{Path: "/nowhere"}},
	}
	definition.Buffering = stream.Buffering{Size: stream.MiB, Interval: stream.Duration(time.Hour)}
	definition = definition.WithDefaults()
	log, id := new(memlog.Log).Open(), buffer.NewStreamID()
	v, err := log.Define(t.Context(), buffer.Definition{Stream: id, Name: "s", Logic: 1, Data: definition.Encode()})
	if err != nil {
		t.Fatal(err)
	}
	open := func(context.Context, stream.Destination) (Destination, error) { return silent{}, nil }
	service := New(cfg, Deps{Open: open, Scratch: scratch})
	ctx, cancel := context.WithCancel(t.Context())
	err = log.Serve(ctx, func(ctx context.Context, in buffer.Lane) (failed error) {
		defer func() {
			if failed != nil { // Serve tells nothing of what ends with its context
				t.Error(failed)
			}
			cancel()
		}()
		service.serving.Add(1)
		l := newLane(newTracks(service, in), mainTrack, in.Info().Cursor)
		defer l.forget()
		defer l.uploads.Wait()
		defer cancel()
		return fn(ctx, l, &v)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// blocks are records of size bytes spread over keys, and each block has 500 of them.
func blocks(t testing.TB, n, keys, size int, v *buffer.Version) []*buffer.Block {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	pad := make([]byte, size)
	for i := range pad {
		pad[i] = byte('a' + random.IntN(26))
	}
	out := make([]*buffer.Block, n)
	next := buffer.Seq(1)
	for i := range out {
		var w buffer.Builder
		for range 500 {
			w.Add(fmt.Appendf(nil, `{"key":"%d","pad":"%s"}`, random.IntN(keys), pad), time.Now().UnixMilli())
		}
		out[i] = new(buffer.Block)
		if err := out[i].Decode(w.Encode(buffer.LaneID{}, next), nil); err != nil {
			t.Fatal(err)
		}
		out[i].Version = v
		next += 500
	}
	return out
}

// What waits for a destination is bounded in bytes too.
func TestWaitingIsBoundedInBytes(t *testing.T) {
	cfg := Config{WaitingBytes: 3 << 20}
	onLane(t, cfg, nil, func(ctx context.Context, l *lane, v *buffer.Version) error {
		for _, b := range blocks(t, 40, 1, 1000, v) { // 20 MB
			if l.hold() {
				break
			}
			if err := l.take(ctx, item{block: b}); err != nil {
				return err
			}
		}
		if l.stored < cfg.WaitingBytes || l.stored > cfg.WaitingBytes+2<<20 || l.room() != 0 {
			t.Errorf("%d bytes in %d objects wait, and there is room for %d more", l.stored, l.waiting, l.room())
		}
		return nil
	})
}

// With scratch the lane goes on at its budget of memory without sealing anything early, and without it the lane holds.
func TestLaneKeepsToItsMemory(t *testing.T) {
	const memory = 4 << 20
	for name, scratch := range map[string]*Scratch{"scratch": openScratch(t, 64<<20), "none": nil, "too small": openScratch(t, smallestSegment)} {
		t.Run(name, func(t *testing.T) {
			onLane(t, Config{Memory: memory}, scratch, func(ctx context.Context, l *lane, v *buffer.Version) error {
				for _, b := range blocks(t, 40, 200, 1000, v) { // 20 MB
					if l.hold() {
						break
					}
					if err := l.take(ctx, item{block: b}); err != nil {
						return err
					}
					if held := l.service.memory.Load(); held > memory+1<<20 {
						t.Fatalf("%d bytes are held", held)
					}
				}
				spilled := scratch != nil && name == "scratch"
				if l.held == spilled || (l.waiting > 0) == spilled {
					t.Errorf("held %v with %d objects waiting", l.held, l.waiting)
				}
				return nil
			})
		})
	}
}

// A lane that holds nothing is not stopped by one that holds everything.
func TestLanesDoNotStarveEachOther(t *testing.T) {
	onLane(t, Config{Memory: 4 << 20}, nil, func(ctx context.Context, l *lane, v *buffer.Version) error {
		l.service.serving.Add(1)
		l.service.memory.Add(4 << 20) // the other one's, and it waits for its destination for ever
		if err := l.take(ctx, item{block: blocks(t, 1, 1, 500, v)[0]}); err != nil {
			return err
		}
		if l.hold() || l.waiting > 0 || l.memory == 0 {
			t.Errorf("held %v with %d bytes", l.held, l.memory)
		}
		return nil
	})
}

// BenchmarkTakeManyPartitions is the lane's work for a block when 10,000 objects are open.
func BenchmarkTakeManyPartitions(b *testing.B) {
	const batch = 500
	onLane(b, Config{Memory: 256 << 20}, openScratch(b, 1<<30), func(ctx context.Context, l *lane, v *buffer.Version) error {
		all := blocks(b, 100, 10_000, 450, v)
		b.SetBytes(int64(all[0].RawLen))
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if i%len(all) == 0 {
				l.ledger.position = 0 // the same blocks again count as new ones
			}
			if err := l.take(ctx, item{block: all[i%len(all)]}); err != nil {
				return err
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/record")
		b.ReportMetric(float64(l.open.len), "open")
		return nil
	})
}
