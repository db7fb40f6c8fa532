package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"

	"hydrant/buffer"
)

// recover takes up what the last life of the lane left: sealed objects that are not marked delivered are made anew from
// the log, exactly as their manifests say, and uploaded under the same keys. Everything else above the cursor is read
// again and is open again.
func (l *lane) recover(ctx context.Context) error {
	var sealed []*Manifest
	for key, value := range l.in.State() {
		if !l.track.owns(key) {
			continue
		}
		if key == l.track.key(totalsKey) {
			if err := l.totals.decode(value); err != nil {
				return err
			}
			continue
		}
		if ok, err := l.overflow.restore(key, value); ok || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		m, ok, err := DecodeManifest(key, value)
		if err != nil {
			return err
		}
		if ok {
			l.overflow.decided = max(l.overflow.decided, m.To)
		}
		if ok && !m.Delivered {
			sealed = append(sealed, m)
		} else if ok {
			l.ledger.restore(m)
		}
	}
	l.ledger.resume(l.totals.Cursor)
	if err := l.reached(ctx, l.ledger.cursor, l.in.Info().Cursor); err != nil {
		return err
	}
	l.publishTotals()
	slices.SortFunc(sealed, func(a, b *Manifest) int { return cmp.Compare(a.First, b.First) })
	entries := make([]*entry, len(sealed))
	for i, m := range sealed {
		entries[i] = l.ledger.restore(m) // all of them, before the cursor can move
	}
	return l.rebuildAll(ctx, sealed, entries)
}

// rebuildAll works in waves, so that the rebuilt objects fit into memory whatever the last life had.
func (l *lane) rebuildAll(ctx context.Context, sealed []*Manifest, entries []*entry) error {
	for len(sealed) > 0 {
		n, bytes := 0, int64(0)
		for n < len(sealed) && (n == 0 || n < l.service.cfg.Waiting && bytes+sealed[n].Bytes <= l.service.cfg.Memory/2) {
			bytes += sealed[n].Bytes
			n++
		}
		if err := l.rebuild(ctx, sealed[:n], entries[:n]); err != nil {
			return err
		}
		sealed, entries = sealed[n:], entries[n:]
		for len(sealed) > 0 && l.waiting > 0 {
			select {
			case r := <-l.results:
				if err := l.settle(ctx, r); err != nil {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// rebuild makes a wave of objects in one ordered pass over the log, and starts their uploads.
func (l *lane) rebuild(ctx context.Context, sealed []*Manifest, entries []*entry) error {
	w := wave{members: map[partitionID][]*object{}}
	for i, m := range sealed {
		w.add(m, entries[i])
	}
	if err := l.readWave(ctx, &w); err != nil {
		return err
	}
	for _, o := range w.objects {
		if o.rules != nil { // else none of its records is there, and matches says so
			l.cut(o)
		}
		err := matches(o)
		if err != nil && touches(w.damage, o.manifest) {
			err = l.supersede(ctx, o)
		} else if err == nil {
			objectsRebuilt.Reach()
			l.start(ctx, o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readWave fills the wave's objects with what can be read of their records.
func (l *lane) readWave(ctx context.Context, w *wave) error {
	var b buffer.Block
	for after := w.first - 1; after < w.last; {
		err := l.readUpTo(ctx, after, w.last, &b)
		var corrupt *buffer.CorruptError
		if errors.As(err, &corrupt) {
			w.damage = append(w.damage, corrupt.Damage)
			after = corrupt.To
			continue
		}
		if err != nil {
			return err
		}
		r, err := l.rulesOf(b.Version)
		if err != nil {
			return err
		}
		l.service.deps.Pace.wait(ctx, &b)
		if err := l.refill(ctx, w, r, &b); err != nil {
			return err
		}
		if l.crowded() {
			l.spill(w.objects, l.ownMemory()/2)
		}
		after = b.Last()
	}
	return nil
}

// readUpTo reads the next block, which must begin at or below last.
func (l *lane) readUpTo(ctx context.Context, after, last buffer.Seq, b *buffer.Block) error {
	if head := l.in.Info().Head; head < last {
		return fmt.Errorf("a manifest reaches to record %d, but the buffer ends at %d", last, head)
	}
	return l.in.Read(ctx, after, b)
}

// refill gives a block's outputs to the objects of the wave that they belong to.
func (l *lane) refill(ctx context.Context, w *wave, r *rules, b *buffer.Block) error {
	if r.partitioner == nil {
		return nil
	}
	for record := range b.Records() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := l.process(r, record); err != nil {
			return err
		}
		for i := range l.outputs {
			l.settleOverflow(r, record, i)
			out := &l.outputs[i]
			l.name = appendPartition(l.name[:0], out)
			if o := w.member(partitionID{r.version, string(l.name)}, record.Seq); o != nil {
				o.rules, o.failure = r, out.Error
				l.write(o, out)
			}
		}
	}
	return nil
}

// matches compares a rebuilt object with its manifest.
func matches(o *object) error {
	m := o.manifest
	if o.outputs == m.Outputs && o.bytes == m.Bytes && o.checksum() == m.Checksum {
		return nil
	}
	return fmt.Errorf("the object %s cannot be rebuilt: records %d to %d give %d outputs of %d bytes with %s, its manifest says %d of %d with %s",
		m.Key, m.First, m.To, o.outputs, o.bytes, o.checksum(), m.Outputs, m.Bytes, m.Checksum)
}

// wave is a set of sealed objects that are rebuilt together.
type wave struct {
	objects     []*object
	members     map[partitionID][]*object // in the order of their ranges
	first, last buffer.Seq
	damage      []buffer.Damage // met on the way
}

func (w *wave) add(m *Manifest, e *entry) {
	o := &object{manifest: m, entry: e, partition: m.Partition, first: m.First, last: m.To, reason: m.Reason, sum: xxhash.New()}
	o.doubtful = m.Attempted // by an earlier life of the lane
	w.objects = append(w.objects, o)
	w.members[e.partition] = append(w.members[e.partition], o)
	if w.first == 0 || m.First < w.first {
		w.first = m.First
	}
	w.last = max(w.last, m.To)
}

// member is the object that an output belongs to, or nil.
func (w *wave) member(p partitionID, seq buffer.Seq) *object {
	for _, o := range w.members[p] {
		if o.manifest.From < seq && seq <= o.manifest.To {
			return o
		}
	}
	return nil
}
