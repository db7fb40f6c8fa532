package delivery

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"sort"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hydrant/buffer"
	"hydrant/stream"
)

// BenchmarkDeliver delivers a backlog from blocks as they are stored to a destination that takes everything at once: all of
// delivery but the disk and the network. s/GB is the processor time of it, by all goroutines.
func BenchmarkDeliver(b *testing.B) {
	for _, codec := range []string{"none", "snappy", "zstd", "gzip"} {
		for _, keys := range []int{0, 1, 100} {
			b.Run(fmt.Sprintf("%s/%d", codec, keys), func(b *testing.B) { benchmarkDeliver(b, codec, keys) })
		}
	}
}

func benchmarkDeliver(b *testing.B, codec string, keys int) {
	definition := stream.Stream{
		Name: "s", Compression: codec,
		Destination: stream.Destination{Directory: &stream.Directory{Path: "/nowhere"}},
		Buffering:   stream.Buffering{Size: 64 << 20, Interval: stream.Duration(time.Hour)},
	}
	if keys > 0 {
		definition.Prefix, definition.PartitionKeys = "key=!{partitionKeyFromQuery:key}/", map[string]string{"key": ".key"}
	}
	definition = definition.WithDefaults()
	log := newBacklog(definition, keys, 64<<20)
	b.SetBytes(log.bytes)
	before := processorTime(b)
	for b.Loop() {
		log.cursor.Store(0)
		deliverAll(b, Config{}, log, discarding{})
	}
	b.ReportMetric((processorTime(b)-before).Seconds()*1e9/float64(log.bytes)/float64(b.N), "s/GB")
}

// deliverAll runs a service until everything in the log lies in the destination.
func deliverAll(t testing.TB, c Config, log buffer.Log, d Destination) {
	t.Helper()
	service := New(c, Deps{Open: func(context.Context, stream.Destination) (Destination, error) { return d, nil }})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx, log) }()
	if err := service.Drain(ctx, log); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-ended
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// discarding is a destination that takes everything.
type discarding struct{ silent }

func (discarding) Create(context.Context, *Object) error { return nil }

// backlog is a log with one lane, whose blocks lie in memory as they would on disk.
type backlog struct {
	buffer.Log
	bytes   int64
	info    buffer.LaneInfo
	blocks  [][]byte
	version buffer.Version
	cursor  atomic.Int64
}

func newBacklog(s stream.Stream, keys int, size int64) *backlog {
	l := &backlog{version: buffer.Version{Number: 1, Logic: 1, Data: s.Encode()}}
	l.info = buffer.LaneInfo{ID: buffer.LaneID{Stream: buffer.NewStreamID()}, Name: s.Name, InUse: []buffer.Version{l.version}}
	random := rand.New(rand.NewPCG(1, 2))
	var w buffer.Builder
	next := buffer.Seq(1)
	flush := func() {
		l.blocks = append(l.blocks, w.Encode(l.info.ID, next))
		next += buffer.Seq(w.Count())
		w.Reset()
	}
	for l.bytes < size {
		record := fmt.Appendf(nil, `{"key":"%d","at":%d`, random.IntN(max(keys, 1)), 1_700_000_000_000+l.bytes)
		for i := 0; len(record) < 950; i++ {
			record = fmt.Appendf(record, `,"step%d":{"trace":"%016x","path":"/shop/item/%d","took":%d,"message":"read from the cache"}`,
				i, random.Uint64(), random.IntN(300), random.IntN(100_000))
		}
		record = append(record, '}')
		w.Add(record, 1_700_000_000_000)
		l.bytes += int64(len(record))
		if w.Len() >= 256<<10 {
			flush()
		}
	}
	if w.Count() > 0 {
		flush()
	}
	l.info.Head = next - 1
	return l
}

// Serve implements buffer.Log.
func (l *backlog) Serve(ctx context.Context, run func(context.Context, buffer.Lane) error) error {
	return run(ctx, l)
}

// Stats implements buffer.Log.
func (l *backlog) Stats() buffer.Stats {
	pending := int64(l.info.Head) - l.cursor.Load()
	return buffer.Stats{Streams: map[buffer.StreamID]buffer.StreamStats{l.info.ID.Stream: {Pending: pending}}}
}

// Info implements buffer.Lane.
func (l *backlog) Info() buffer.LaneInfo { return l.info }

// Read implements buffer.Lane.
func (l *backlog) Read(ctx context.Context, after buffer.Seq, b *buffer.Block) error {
	i := l.find(after)
	if i == len(l.blocks) {
		<-ctx.Done()
		return ctx.Err()
	}
	err := b.Decode(l.blocks[i], nil)
	b.Version = &l.version
	return err
}

// Extent implements buffer.Lane.
func (l *backlog) Extent(after buffer.Seq) (buffer.Seq, bool) {
	i := l.find(after)
	if i == len(l.blocks) {
		return 0, false
	}
	return buffer.PeekHeader(l.blocks[i]).Last(), true
}

// find is the index of the first block that holds a record above after.
func (l *backlog) find(after buffer.Seq) int {
	return sort.Search(len(l.blocks), func(i int) bool { return buffer.PeekHeader(l.blocks[i]).Last() > after })
}

// State implements buffer.Lane.
func (l *backlog) State() iter.Seq2[string, []byte] { return func(func(string, []byte) bool) {} }

// Commit implements buffer.Lane.
func (l *backlog) Commit(_ context.Context, c buffer.Change) error {
	l.cursor.Store(max(l.cursor.Load(), int64(c.Cursor)))
	return nil
}
