package badgerlog

import (
	"iter"
	"runtime"
	"sync"
	"sync/atomic"

	"hydrant/buffer"
)

const (
	blockLimit = 256 << 10 // payload of a block before compression; a larger record has a block of its own

	// ownBlocks is from where a batch gets blocks of its own, made by the producers' goroutines side by side, while the last
	// group syncs. Smaller batches share blocks: they would not compress alone.
	ownBlocks = 32 << 10

	// smallShared is up to where a block that batches share is compressed in any case: the time of so small a group is the
	// sync's and the requests', and not the compressor's.
	smallShared = 128 << 10
)

// packed is a block of a group: records in the builder, or, without one, a block that lacks its place alone.
type packed struct {
	builder *buffer.Builder
	block   []byte
	key     *buffer.DataKey // nil for a block that is not encrypted
	count   int
	raw     int // bytes of the payload
	arrival int64
}

// builders are reused: fresh memory is dear.
var builders = sync.Pool{New: func() any { return new(buffer.Builder) }}

// packAlone makes blocks of a batch's own. They have no arrival yet: all of their records come in at one moment, later.
func (l *lane) packAlone(records [][]byte, key *buffer.DataKey) []*packed {
	var blocks []*packed
	b := builders.Get().(*buffer.Builder)
	defer builders.Put(b)
	finish := func() {
		p := &packed{builder: b, key: key}
		p.finish(l, false)
		p.builder = nil
		b.Reset()
		blocks = append(blocks, p)
	}
	for _, record := range records {
		if b.Count() > 0 && b.Len()+len(record) > blockLimit {
			finish()
		}
		b.Add(record, 0)
	}
	finish()
	return blocks
}

// finish makes the block out of what the builder holds, compressed where that pays or where it must be.
func (p *packed) finish(l *lane, compress bool) {
	p.count, p.raw, p.arrival = p.builder.Count(), p.builder.Len(), p.builder.Arrival()
	p.block = l.thrift.pack(p.builder, l, p.key, compress)
}

// finishShared makes the block of several batches and gives the builder back.
func (p *packed) finishShared(l *lane) {
	p.finish(l, p.builder.Len() <= smallShared)
	p.builder.Reset()
	builders.Put(p.builder)
	p.builder = nil
}

// unfinished yields the blocks that are not made yet.
func (g *group) unfinished() iter.Seq2[*lane, *packed] {
	return func(yield func(*lane, *packed) bool) {
		for _, p := range g.parts {
			for _, b := range p.blocks {
				if b.builder != nil && !yield(p.lane, b) {
					return
				}
			}
		}
	}
}

// finishAll makes the blocks that are not made yet, side by side.
func (g *group) finishAll() {
	n := 0
	for range g.unfinished() {
		n++
	}
	if n > 1 {
		g.finishTogether(n)
		return
	}
	for lane, block := range g.unfinished() { // one, in almost every group of small batches
		block.finishShared(lane)
	}
}

func (g *group) finishTogether(n int) {
	type task struct {
		lane  *lane
		block *packed
	}
	tasks := make([]task, 0, n)
	for lane, block := range g.unfinished() {
		tasks = append(tasks, task{lane, block})
	}
	var next atomic.Int64
	work := func() {
		for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
			tasks[i].block.finishShared(tasks[i].lane)
		}
	}
	var others sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
}
