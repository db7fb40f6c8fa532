package delivery

import (
	"context"
	"errors"
	"sync"

	"hydrant/buffer"
)

// reader reads a lane ahead of the loop that takes its blocks, two blocks at most.
type reader struct {
	ready  chan item
	failed chan error
	free   chan *buffer.Block
	pace   *Pace
	done   sync.WaitGroup
}

// item is what comes next in the lane: a block, or a damaged range.
type item struct {
	block  *buffer.Block // nil for a damaged range
	damage buffer.Damage
}

// readAhead begins above after and goes on, as the pace allows, until ctx ends or a block cannot be read.
func readAhead(ctx context.Context, lane buffer.Lane, after buffer.Seq, pace *Pace) *reader {
	const ahead = 2
	r := &reader{
		ready:  make(chan item, ahead),
		failed: make(chan error, 1),
		free:   make(chan *buffer.Block, ahead+1),
		pace:   pace,
	}
	for range ahead + 1 {
		r.free <- new(buffer.Block)
	}
	r.done.Go(func() { r.run(ctx, lane, after) })
	return r
}

func (r *reader) run(ctx context.Context, lane buffer.Lane, after buffer.Seq) {
	for {
		var b *buffer.Block
		select {
		case b = <-r.free:
		case <-ctx.Done():
			return
		}
		next := item{block: b}
		err := lane.Read(ctx, after, b)
		var corrupt *buffer.CorruptError
		if errors.As(err, &corrupt) {
			r.giveBack(b)
			next, err = item{damage: corrupt.Damage}, nil
		}
		if err != nil {
			r.failed <- err
			return
		}
		after = next.last()
		if next.block != nil {
			r.pace.wait(ctx, b)
		}
		select {
		case r.ready <- next:
		case <-ctx.Done():
			return
		}
	}
}

// last is the sequence behind which the lane goes on.
func (i item) last() buffer.Seq {
	if i.block == nil {
		return i.damage.To
	}
	return i.block.Last()
}

// giveBack returns a block whose records are not used any more.
func (r *reader) giveBack(b *buffer.Block) { r.free <- b }

// wait returns when the reader has ended.
func (r *reader) wait() { r.done.Wait() }
