package delivery

import (
	"context"
	"sync"

	"hydrant/buffer"
)

// reader reads a lane ahead of the loop that takes its blocks, two blocks at most.
type reader struct {
	ready  chan *buffer.Block
	failed chan error
	free   chan *buffer.Block
	done   sync.WaitGroup
}

// readAhead begins above after and goes on until ctx ends or a block cannot be read.
func readAhead(ctx context.Context, lane buffer.Lane, after buffer.Seq) *reader {
	const ahead = 2
	r := &reader{
		ready:  make(chan *buffer.Block, ahead),
		failed: make(chan error, 1),
		free:   make(chan *buffer.Block, ahead+1),
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
		if err := lane.Read(ctx, after, b); err != nil {
			r.failed <- err
			return
		}
		after = b.Last()
		select {
		case r.ready <- b:
		case <-ctx.Done():
			return
		}
	}
}

// giveBack returns a block whose records are not used any more.
func (r *reader) giveBack(b *buffer.Block) { r.free <- b }

// wait returns when the reader has ended.
func (r *reader) wait() { r.done.Wait() }
