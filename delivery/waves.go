package delivery

import (
	"context"
	"errors"

	"hydrant/buffer"
)

// errNoRoom says that the sealed objects whose ranges overlap have no room beside each other: memory is at its bound, and
// scratch takes none of them. The life of the lane that follows is narrow: it makes them again a few at a time, before it
// reads on. That reads much of the log several times.
var errNoRoom = errors.New("there is no room for all sealed objects that are to be made again")

// rebuildInWaves makes sealed objects again, in waves that fit into memory whatever the last life had.
func (l *lane) rebuildInWaves(ctx context.Context, sealed []*object) error {
	for len(sealed) > 0 {
		n := l.waveOf(sealed)
		l.rebuilding.begin(sealed[:n])
		if err := l.readWave(ctx); err != nil {
			return err
		}
		if sealed = sealed[n:]; len(sealed) == 0 {
			return nil // the last uploads may run while the lane reads on
		}
		if err := l.settleAll(ctx); err != nil {
			return err
		}
	}
	return nil
}

// waveOf is how many of the sealed objects, from the first on, have room beside each other; one at least.
func (l *lane) waveOf(sealed []*object) (n int) {
	bytes := int64(0)
	for n < len(sealed) && (n == 0 || n < l.service.cfg.Waiting && bytes+sealed[n].manifest.Bytes <= l.ownMemory()) {
		bytes += sealed[n].manifest.Bytes
		n++
	}
	return n
}

// settleAll returns when no sealed object waits any more.
func (l *lane) settleAll(ctx context.Context) error {
	for l.waiting > 0 {
		select {
		case r := <-l.results:
			if err := l.settle(ctx, r); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// readWave makes one wave in an ordered pass over the log, and starts its uploads.
func (l *lane) readWave(ctx context.Context) error {
	reading, cancel := context.WithCancel(ctx)
	blocks := l.service.readAhead(reading, l.in, l.rebuilding.start(), l.keying())
	defer blocks.wait()
	defer cancel()
	for len(l.rebuilding.objects) > 0 {
		var err error
		select {
		case next := <-blocks.ready:
			err = l.refill(ctx, next)
			blocks.giveBack(next)
		case err = <-blocks.failed:
		case r := <-l.results:
			err = l.settle(ctx, r)
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// start is the sequence that the first range begins above.
func (b *rebuilding) start() buffer.Seq {
	first := b.objects[0].first
	for _, o := range b.objects {
		first = min(first, o.first)
	}
	return first - 1
}

// refill gives a block's outputs to the objects of the wave that they belong to.
func (l *lane) refill(ctx context.Context, next item) error {
	if next.block == nil {
		l.rebuilding.pass(next.damage)
		return l.completeUpTo(ctx, next.damage.To)
	}
	r, err := l.rulesOf(next.block.Version)
	if err != nil {
		return err
	}
	if r.partitioner != nil {
		if err := l.refillRecords(ctx, r, next); err != nil {
			return err
		}
	}
	if l.crowded() {
		l.spillLargest()
	}
	return l.completeUpTo(ctx, next.block.Last())
}

func (l *lane) refillRecords(ctx context.Context, r *rules, next item) error {
	for record := range next.block.Records() {
		if err := l.completeUpTo(ctx, record.Seq-1); err != nil {
			return err
		}
		if len(l.rebuilding.objects) == 0 {
			return nil
		}
		if err := l.partition(ctx, r, next, record); err != nil {
			return err
		}
		for i := range l.outputs {
			l.settleOverflow(r, record, i)
			out := &l.outputs[i]
			l.name = appendPartition(l.name[:0], out)
			o := r.open[string(l.name)]
			if o == nil {
				o = l.resume(r, partitionID{r.version, string(l.name)}, record.Seq, out)
			}
			if o != nil {
				l.write(o, out)
			}
		}
	}
	return nil
}
