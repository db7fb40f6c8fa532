package delivery

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"hydrant/buffer"
	"hydrant/partitioner"
)

// reader reads a lane ahead of the loop that takes its blocks. While the lane is behind it reads several at once, each in a
// goroutine of its own, where the block's checksum is verified, it is decoded, and what is simple of its partitioning is done.
// They are given out in order, whatever came first.
//
// The blocks that all readers hold beside each one's next are bounded by the service's ahead; all of them are counted as
// memory of the service, with what was made of them. A lane that takes nothing for aheadPatience keeps none of them from the
// others.
type reader struct {
	service *Service
	lane    buffer.Lane
	keying  *keying
	ready   chan item
	failed  chan error

	ahead atomic.Int64 // of the service's, in use
	held  atomic.Int64 // bytes that are counted
	done  sync.WaitGroup
}

// item is what comes next in the lane: a block, or a damaged range.
type item struct {
	block   *buffer.Block // nil for a damaged range
	damage  buffer.Damage
	outputs []partitioner.Output // of the block's records, one for each; nil where the lane has to partition them
	of      *reading
}

// reading is one block being read.
type reading struct {
	item
	after  buffer.Seq
	ahead  bool  // takes room of the service's
	bytes  int64 // that are counted
	stop   context.CancelFunc
	done   chan struct{} // closed when item or err is there
	err    error
	memory *blockMemory
}

// blockMemory is what a block is read into. It is reused: fresh memory is dear.
type blockMemory struct {
	block buffer.Block
	keyedMemory
}

var blockMemories = sync.Pool{New: func() any { return new(blockMemory) }}

// aheadOf is how many blocks may be read ahead beside each lane's next one: enough for all processors, in little memory.
func aheadOf(memory int64) int {
	const blockSize = 256 << 10 // about what a block takes while records are not larger
	return max(1, min(2*runtime.GOMAXPROCS(0), int(memory/32/blockSize)))
}

// readAhead begins above after and goes on, as the pace allows, until ctx ends or a block cannot be read. Where keys is nil
// nothing is partitioned.
func (s *Service) readAhead(ctx context.Context, lane buffer.Lane, after buffer.Seq, keys *keying) *reader {
	r := &reader{service: s, lane: lane, keying: keys, ready: make(chan item), failed: make(chan error, 1)}
	r.done.Go(func() { r.run(ctx, after) })
	return r
}

func (r *reader) run(ctx context.Context, after buffer.Seq) {
	var queue []*reading
	for {
		queue = r.fill(ctx, queue, after)
		next := queue[0]
		queue = queue[1:]
		<-next.done // at the latest when ctx ends
		if next.err != nil {
			r.failed <- next.err
			return
		}
		after = next.last()
		if next.block != nil {
			r.service.deps.Pace.wait(ctx, next.block)
		}
		if queue = r.give(ctx, next, queue); ctx.Err() != nil {
			return
		}
		if len(queue) > 0 && queue[0].after != after { // a range was lost, or the block is another one than was foreseen
			r.drop(queue)
			queue = nil
		}
	}
}

// aheadPatience is how long a lane may keep what is read ahead for it and take nothing: at a bound, it may be hours.
const aheadPatience = time.Second

// give gives a block out, and returns what is queued behind it then: nothing where the lane took too long. It is read again.
func (r *reader) give(ctx context.Context, next *reading, queue []*reading) []*reading {
	patience := time.NewTimer(aheadPatience)
	defer patience.Stop()
	for {
		select {
		case r.ready <- next.item:
			return queue
		case <-patience.C:
			r.leave(next)
			r.drop(queue)
			queue = nil
		case <-ctx.Done():
			return queue
		}
	}
}

// fill has the next block read, and those behind it that are there already, as far as there is room.
func (r *reader) fill(ctx context.Context, queue []*reading, after buffer.Seq) []*reading {
	if len(queue) == 0 {
		queue = append(queue, r.begin(ctx, after, false))
	}
	for {
		last, ok := r.lane.Extent(queue[len(queue)-1].after)
		if !ok {
			return queue
		}
		if _, ok := r.lane.Extent(last); !ok || !r.enter() {
			return queue
		}
		queue = append(queue, r.begin(ctx, last, true))
	}
}

// enter takes room for one block more, if there is any.
func (r *reader) enter() bool {
	select {
	case r.service.ahead <- struct{}{}:
		r.ahead.Add(1)
		return true
	default:
		return false
	}
}

// leave gives the room that a block takes back.
func (r *reader) leave(b *reading) {
	if b.ahead {
		b.ahead = false
		r.ahead.Add(-1)
		<-r.service.ahead
	}
}

func (r *reader) begin(ctx context.Context, after buffer.Seq, ahead bool) *reading {
	ctx, stop := context.WithCancel(ctx)
	next := &reading{after: after, ahead: ahead, stop: stop, done: make(chan struct{}), memory: blockMemories.Get().(*blockMemory)}
	next.of = next
	r.done.Go(func() {
		defer stop()
		defer close(next.done)
		b := &next.memory.block
		next.err = r.lane.Read(ctx, after, b)
		var corrupt *buffer.CorruptError
		switch {
		case errors.As(next.err, &corrupt):
			next.damage, next.err = corrupt.Damage, nil
		case next.err == nil:
			next.block = b
			r.count(next, int64(b.RawLen))
			if ahead { // else the lane would only wait for it
				next.outputs = r.keying.partition(&next.memory.keyedMemory, b)
				r.count(next, next.memory.held())
			}
		}
	})
	return next
}

// drop gives up what was read ahead.
func (r *reader) drop(queue []*reading) {
	for _, q := range queue {
		q.stop()
		<-q.done
		r.giveBack(q.item)
	}
}

// count notes a change of the memory that a block and its outputs hold.
func (r *reader) count(b *reading, bytes int64) {
	b.bytes += bytes
	r.held.Add(bytes)
	r.service.memory.Add(bytes)
}

// last is the sequence behind which the lane goes on.
func (i item) last() buffer.Seq {
	if i.block == nil {
		return i.damage.To
	}
	return i.block.Last()
}

// giveBack returns what is not used any more: the memory of a block and of its outputs.
func (r *reader) giveBack(i item) {
	r.count(i.of, -i.of.bytes)
	r.leave(i.of)
	blockMemories.Put(i.of.memory)
}

// wait returns when the reader has ended, and gives back what it still holds.
func (r *reader) wait() {
	r.done.Wait()
	r.service.memory.Add(-r.held.Swap(0))
	for range r.ahead.Swap(0) {
		<-r.service.ahead
	}
}
