package delivery

import (
	"context"
	"fmt"

	"hydrant/buffer"
	"hydrant/partitioner"
)

// take partitions a block's records and seals what is full.
func (l *lane) take(ctx context.Context, next item) error {
	blockRead.Reach()
	b := next.block
	r, err := l.rulesOf(b.Version)
	if err != nil {
		return err
	}
	if l.track == mainTrack && !l.info.ID.IsDerived() {
		l.startOthers(ctx, r, max(b.First-1, l.in.Info().Cursor))
	}
	if r.version != l.version { // what is open under the old version is sealed
		l.closeAll(reasonVersion, l.open.len)
		l.version = r.version
		l.rules = map[uint64]*rules{r.version: r} // no block of another comes again
	}
	if err := l.takeRecords(ctx, r, next); err != nil {
		return err
	}
	if err := l.completeUpTo(ctx, l.ledger.position); err != nil {
		return err
	}
	l.collect()
	blockPartitioned.Reach()
	if err := l.relieve(); err != nil {
		return err
	}
	l.thin()
	if err := l.seal(ctx); err != nil {
		return err
	}
	if l.ledger.position >= l.target {
		if err := l.sealDue(ctx); err != nil { // what became due while the backlog was read
			return err
		}
	}
	if l.track == backupTrack && r.partitioner == nil && l.empty() && l.tracks.leave() {
		return l.leave(ctx)
	}
	return l.passOver(ctx)
}

// takeRecords partitions a block's records.
func (l *lane) takeRecords(ctx context.Context, r *rules, next item) error {
	b := next.block
	if r.partitioner == nil {
		l.ledger.position = max(l.ledger.position, b.Last())
		return nil
	}
	l.triggers(r)
	for record := range b.Records() {
		if record.Seq <= l.ledger.position {
			continue
		}
		if err := l.completeUpTo(ctx, record.Seq-1); err != nil {
			return err
		}
		if err := l.partition(ctx, r, next, record); err != nil {
			return err
		}
		for i := range l.outputs {
			l.settleOverflow(r, record, i)
			l.add(r, record, &l.outputs[i])
		}
		if len(l.outputs) == 0 {
			l.ledger.drop(record.Seq)
		}
		l.ledger.position = record.Seq
		l.closeFilled()
	}
	return nil
}

// partition makes the outputs of a record, or takes those that were made beside the lane. It looks at ctx: where a query does
// all that it may for each record, a block takes minutes.
func (l *lane) partition(ctx context.Context, r *rules, from item, record buffer.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if from.outputs != nil {
		l.outputs = append(l.outputs[:0], from.outputs[record.Seq-from.block.First])
		return nil
	}
	return l.process(r, record)
}

// process makes the outputs of a record.
func (l *lane) process(r *rules, record buffer.Record) (err error) {
	if !l.info.ID.IsDerived() {
		l.outputs = r.partitioner.Process(l.outputs[:0], uint64(record.Seq), record.Arrival, record.Data)
		return nil
	}
	if l.outputs, err = r.partitioner.ProcessOutcome(l.outputs[:0], record.Arrival, record.Data); err != nil {
		return fmt.Errorf("derived record %d: %w", record.Seq, err)
	}
	return nil
}

// add takes one output into the object of its partition that is open, or is made again.
func (l *lane) add(r *rules, record buffer.Record, out *partitioner.Output) {
	l.name = appendPartition(l.name[:0], out)
	o := r.open[string(l.name)]
	if o == nil {
		if o = l.openFor(r, record, out); o == nil {
			return
		}
	}
	if o.manifest != nil { // that was sealed before
		l.write(o, out)
		return
	}
	if out.Error != "" {
		l.sample(r, out)
		l.observeFailed(out)
	}
	l.write(o, out)
	o.last = record.Seq
	if o.bytes >= int64(l.buffering.Size) {
		l.filled = append(l.filled, o)
	}
	if o.cold && !l.buffering.IsCold(o.bytes) {
		l.open.thaw(o)
	}
}

// openFor returns the object that takes the outputs of an output's partition from now on; nil where they are delivered.
func (l *lane) openFor(r *rules, record buffer.Record, out *partitioner.Output) *object {
	id := partitionID{r.version, string(l.name)}
	if l.ledger.covered(id, record.Seq) {
		return l.resume(r, id, record.Seq, out)
	}
	o := newObject(r, id.name, record, out)
	o.entry = l.ledger.open(id, record.Seq)
	r.open[id.name] = o
	l.open.push(o)
	l.countOpen(1)
	l.account(o.memory)
	return o
}

// write adds an output to an object, and has a chunk compressed where there is enough for one.
func (l *lane) write(o *object, out *partitioner.Output) {
	if o.tail.size == 0 && len(o.chunks) > 0 && l.fewOpen() {
		l.account(o.widen())
	}
	l.account(o.write(out, o.rules.delimiterOf(out)))
	if o.tail.size >= chunkSize {
		l.cut(o)
	}
}

// fewOpen reports whether each object that grows may hold a chunk's room at once.
func (l *lane) fewOpen() bool {
	return int64(l.open.len+len(l.rebuilding.objects))*wideSize <= l.ownMemory()/2
}
