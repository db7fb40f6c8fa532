package delivery

import (
	"context"
	"fmt"
	"math"

	"github.com/cespare/xxhash/v2"

	"hydrant/buffer"
	"hydrant/partitioner"
)

// rebuilding are sealed objects of the lane's last life that are made again. While the lane reads, each gets the outputs that
// its manifest names; where its range ends it is complete, and its upload starts. So each block is read once, for all of them
// and for what is open behind them.
type rebuilding struct {
	objects []*object                 // not complete, in the order in which their ranges end
	members map[partitionID][]*object // the same, of each partition
	damage  []buffer.Damage           // passed since begin
}

// sealedObject is what a manifest names, before it has any output.
func sealedObject(m *Manifest, e *entry) *object {
	return &object{
		manifest: m, entry: e, partition: m.Partition, first: m.First, last: m.To, reason: m.Reason, sum: xxhash.New(),
		doubtful: m.Attempted, // by an earlier life of the lane
	}
}

// begin takes objects in the order in which their ranges end.
func (b *rebuilding) begin(objects []*object) {
	*b = rebuilding{objects: objects, members: map[partitionID][]*object{}}
	for _, o := range objects {
		b.members[o.entry.partition] = append(b.members[o.entry.partition], o)
	}
}

// member is the object that an output belongs to, or nil.
func (b *rebuilding) member(p partitionID, seq buffer.Seq) *object {
	for _, o := range b.members[p] {
		if o.manifest.From < seq && seq <= o.manifest.To {
			return o
		}
	}
	return nil
}

// end is where the next range ends.
func (b *rebuilding) end() buffer.Seq {
	if len(b.objects) == 0 {
		return math.MaxUint64
	}
	return b.objects[0].last
}

// pop takes the object away whose range ends next.
func (b *rebuilding) pop() {
	p := b.objects[0].entry.partition
	if b.members[p] = b.members[p][1:]; len(b.members[p]) == 0 {
		delete(b.members, p)
	}
	b.objects = b.objects[1:]
	if len(b.objects) == 0 {
		*b = rebuilding{}
	}
}

// pass notes a damaged range that the lane has passed.
func (b *rebuilding) pass(d buffer.Damage) {
	if len(b.objects) > 0 {
		b.damage = append(b.damage, d)
	}
}

// resume returns the sealed object that an output belongs to, as the one its partition's outputs go to; nil where they are
// delivered, or are not made again now.
func (l *lane) resume(r *rules, p partitionID, seq buffer.Seq, out *partitioner.Output) *object {
	o := l.rebuilding.member(p, seq)
	if o != nil {
		o.rules, o.failure = r, out.Error
		r.open[p.name] = o
	}
	return o
}

// completeUpTo starts the uploads of the sealed objects whose ranges end at or before to: all of their outputs are in.
func (l *lane) completeUpTo(ctx context.Context, to buffer.Seq) error {
	for l.rebuilding.end() <= to {
		if err := l.complete(ctx, l.rebuilding.objects[0]); err != nil {
			return err
		}
		l.rebuilding.pop()
	}
	return nil
}

func (l *lane) complete(ctx context.Context, o *object) error {
	if o.rules != nil { // else none of its records is there, and matches says so
		delete(o.rules.open, o.partition)
		l.finish(o)
	}
	err := matches(o)
	if err != nil && touches(l.rebuilding.damage, o.manifest) {
		return l.supersede(ctx, o)
	}
	if err != nil {
		return err
	}
	objectsRebuilt.Reach()
	l.start(ctx, o)
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
