package delivery

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	"hydrant/buffer"
	"hydrant/partitioner"
	"hydrant/stream"
)

// overflow is which outputs were sent to the error output because their partition would have been one too many. How many
// are open depends on clocks and on destinations, so such a decision is made once: it is durable before, or with, the first
// manifest of an object that ends behind it, and from then on a part of what determines membership. What is not among the
// refused up to decided was taken.
type overflow struct {
	decided buffer.Seq
	chunks  []overflowChunk // durable, in order; the cursor has not passed them
	fresh   []outputID      // not durable yet
	current map[outputID]bool
	loaded  int // 1 + the chunk that current holds; 0 for none

	record buffer.Seq // whose output was refused last
	bytes  int        // of what was refused of it, as error output
}

// maxOverflow bounds the error output that one record makes so. What it holds beyond that opens partitions.
const maxOverflow = 64 << 20

// outputID is an output of a record, by its place among them.
type outputID struct {
	seq   buffer.Seq
	index int
}

// overflowChunk is what one commit has made durable. Outputs are pairs of the distance of the record from the one before,
// and the output's index, as varints.
type overflowChunk struct {
	First   buffer.Seq `json:"first"`
	Last    buffer.Seq `json:"last"`
	Outputs []byte     `json:"outputs"`
}

const overflowPrefix = "overflow/"

func (c *overflowChunk) stateKey() string {
	return fmt.Sprintf("%s%016x", overflowPrefix, uint64(c.First))
}

// count notes what was refused of a record.
func (o *overflow) count(record buffer.Seq, bytes int) {
	if o.record != record {
		o.record, o.bytes = record, 0
	}
	o.bytes += bytes
}

// enough reports whether no more of a record is refused.
func (o *overflow) enough(record buffer.Seq) bool { return o.record == record && o.bytes > maxOverflow }

// refuse notes a decision.
func (o *overflow) refuse(id outputID) { o.fresh = append(o.fresh, id) }

// refused reports what was decided about an output at or below decided. Reading goes from record to record, so that one
// chunk is looked into at a time.
func (o *overflow) refused(id outputID) bool {
	i := sort.Search(len(o.chunks), func(i int) bool { return o.chunks[i].Last >= id.seq })
	if i == len(o.chunks) || id.seq < o.chunks[i].First {
		return false
	}
	if o.loaded != i+1 {
		o.current, o.loaded = map[outputID]bool{}, i+1
		for _, known := range o.chunks[i].decode() {
			o.current[known] = true
		}
	}
	return o.current[id]
}

// flush returns what must become durable with the next manifests. Only a lane that ends makes nothing of it.
func (o *overflow) flush() []buffer.Entry {
	if len(o.fresh) == 0 {
		return nil
	}
	c := overflowChunk{First: o.fresh[0].seq, Last: o.fresh[len(o.fresh)-1].seq}
	before := c.First
	for _, id := range o.fresh {
		c.Outputs = binary.AppendUvarint(c.Outputs, uint64(id.seq-before))
		c.Outputs = binary.AppendUvarint(c.Outputs, uint64(id.index))
		before = id.seq
	}
	o.chunks, o.fresh = append(o.chunks, c), o.fresh[:0]
	data, err := json.Marshal(&c)
	if err != nil {
		panic("delivery: an overflow is always JSON: " + err.Error()) // numbers and bytes only
	}
	return []buffer.Entry{{Key: c.stateKey(), Value: data}}
}

// pass forgets what the cursor has passed, and returns its keys.
func (o *overflow) pass(cursor buffer.Seq) (passed []string) {
	n := 0
	for n < len(o.chunks) && o.chunks[n].Last <= cursor {
		passed = append(passed, o.chunks[n].stateKey())
		n++
	}
	if n > 0 {
		o.chunks, o.loaded = slices.Delete(o.chunks, 0, n), 0
	}
	return passed
}

// restore takes in an entry of the lane's state, in the order of their keys, and reports whether it is one.
func (o *overflow) restore(key string, value []byte) (bool, error) {
	if !strings.HasPrefix(key, overflowPrefix) {
		return false, nil
	}
	var c overflowChunk
	if err := json.Unmarshal(value, &c); err != nil {
		return true, fmt.Errorf("overflow %s: %w", key, err)
	}
	ids := c.decode()
	if c.stateKey() != key || len(ids) == 0 || ids[0].seq != c.First || ids[len(ids)-1].seq != c.Last {
		return true, fmt.Errorf("overflow %s contradicts itself: %s", key, value)
	}
	o.chunks = append(o.chunks, c)
	o.decided = max(o.decided, c.Last)
	return true, nil
}

// decode returns nothing where the chunk is damaged.
func (c *overflowChunk) decode() (ids []outputID) {
	if c.Last < c.First {
		return nil
	}
	seq, rest := c.First, c.Outputs
	for len(rest) > 0 {
		distance, n := binary.Uvarint(rest)
		if n <= 0 || distance > uint64(c.Last-seq) {
			return nil
		}
		index, m := binary.Uvarint(rest[n:])
		if m <= 0 || index > 1<<31 {
			return nil
		}
		seq += buffer.Seq(distance)
		ids, rest = append(ids, outputID{seq, int(index)}), rest[n+m:]
	}
	return ids
}

// settleOverflow gives an output of the record in hand its place: the error output where its partition is one too many, as
// was decided before, or is now.
func (l *lane) settleOverflow(r *rules, record buffer.Record, i int) {
	out := &l.outputs[i]
	if out.Error != "" || !l.isOverflow(r, outputID{record.Seq, i}, out) {
		return
	}
	if l.info.ID.IsDerived() {
		*out = r.partitioner.ExceededOutcome(record.Arrival, record.Data, out)
	} else {
		*out = r.partitioner.Exceeded(record.Arrival, record.Data, i, out)
	}
	l.overflow.count(record.Seq, len(out.Data))
}

func (l *lane) isOverflow(r *rules, id outputID, out *partitioner.Output) bool {
	if id.seq <= l.overflow.decided {
		return l.overflow.refused(id)
	}
	if l.partitions.Exceeded != stream.ExceededError || l.open.len < l.partitions.Limit() || l.track != mainTrack || l.overflow.enough(id.seq) {
		return false
	}
	l.name = appendPartition(l.name[:0], out)
	if r.open[string(l.name)] != nil {
		return false
	}
	l.overflow.refuse(id)
	return true
}
