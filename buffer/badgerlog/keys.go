package badgerlog

import (
	"cmp"
	"context"
	"slices"

	"hydrant/buffer"
)

// keyEntry is a batch that was stored under a key, in one cache line: there may be a million of them.
type keyEntry struct {
	id         buffer.KeyID
	payload    uint64
	first      buffer.Seq
	at         int64  // by the log's clock, see keyTable
	count      uint32 // of records
	generation uint32 // that holds it on disk
}

func (e *keyEntry) receipt() buffer.Receipt {
	return buffer.Receipt{First: e.first, Count: int(e.count)}
}

// attempt is a batch with a key, as its repetitions find it.
type attempt struct {
	payload uint64
	receipt buffer.Receipt
	group   *group // that makes it durable; nil once it is
}

// repeat answers a batch with the same key as it answers the first.
func (a attempt) repeat(ctx context.Context, key buffer.Key) (buffer.Receipt, error) {
	if a.payload != key.Payload {
		return buffer.Receipt{}, buffer.ErrKeyReused
	}
	if a.group != nil {
		if err := a.group.wait(ctx); err != nil {
			return buffer.Receipt{}, err
		}
	}
	a.receipt.Duplicate = true
	return a.receipt, nil
}

// keyTable remembers the keys of the window. Guarded by Log.mu.
//
// Its clock counts the milliseconds that the log was open, over all its lives: it goes on from the highest time that the
// disk names. So nobody can set it, and a key never lives longer than the window, nor shorter because a clock was wrong
// when the process started.
type keyTable struct {
	window   int64 // milliseconds
	limit    int   // of keys
	start    int64 // the clock's time when the log was opened
	queue    keyQueue
	position map[buffer.KeyID]uint64 // in the queue
	forming  map[buffer.KeyID]attempt
	held     map[uint32]*keysHeld // by generation
	early    int64                // forgotten before their time
}

// keysHeld is what one generation holds of the table.
type keysHeld struct {
	count     int
	low, high uint64 // every one of them lies at or above low and below high in the queue
}

func newKeyTable(w buffer.Window) keyTable {
	return keyTable{
		window:   w.Age.Milliseconds(),
		limit:    w.Keys,
		position: map[buffer.KeyID]uint64{},
		forming:  map[buffer.KeyID]attempt{},
		held:     map[uint32]*keysHeld{},
	}
}

// find returns what the key was given to, where it is remembered.
func (t *keyTable) find(id buffer.KeyID, now int64) (attempt, bool) {
	if a, ok := t.forming[id]; ok {
		return a, true
	}
	at, ok := t.position[id]
	if !ok || t.queue.at(at).at+t.window <= now {
		return attempt{}, false
	}
	e := t.queue.at(at)
	return attempt{payload: e.payload, receipt: e.receipt()}, true
}

// add remembers a key that is durable in a generation. It is not older than those remembered already.
func (t *keyTable) add(e keyEntry, generation uint64) {
	t.drop(e.id)
	e.generation = uint32(generation)
	at := t.queue.push(e)
	t.position[e.id] = at
	t.hold(e.generation, at)
	t.expire(e.at)
	for len(t.position) > t.limit {
		t.early += int64(t.forgetOldest())
	}
}

func (t *keyTable) hold(generation uint32, at uint64) {
	h := t.held[generation]
	if h == nil {
		h = &keysHeld{low: at}
		t.held[generation] = h
	}
	h.count++
	h.low, h.high = min(h.low, at), max(h.high, at+1)
}

// expire forgets what is older than the window.
func (t *keyTable) expire(now int64) {
	for t.queue.len() > 0 && t.queue.at(t.queue.first).at+t.window <= now {
		t.forgetOldest()
	}
}

// forgetOldest reports how many keys that were, 0 or 1: a place in the queue may be empty.
func (t *keyTable) forgetOldest() int {
	n := 0
	if e := t.queue.at(t.queue.first); e.generation != 0 {
		t.drop(e.id)
		n = 1
	}
	t.queue.pop()
	return n
}

// drop forgets a key and leaves its place in the queue empty. No generation has the number 0.
func (t *keyTable) drop(id buffer.KeyID) {
	at, ok := t.position[id]
	if !ok {
		return
	}
	delete(t.position, id)
	e := t.queue.at(at)
	t.release(e.generation)
	e.generation = 0
}

func (t *keyTable) release(generation uint32) {
	h := t.held[generation]
	if h.count--; h.count == 0 {
		delete(t.held, generation)
	}
}

// heldBy is how many keys a generation holds.
func (t *keyTable) heldBy(g *generation) int {
	if h := t.held[uint32(g.id)]; h != nil {
		return h.count
	}
	return 0
}

// section is a part of what a generation holds, to be written anew.
type section struct {
	entries  []keyEntry
	from, to uint64 // in the queue: all that the generation holds there
}

// sectionSize bounds how many places of the queue one group looks at, so that appends do not wait for long: 2 MiB of
// keys at most.
const sectionSize = 1 << 16

// section returns the oldest part.
func (t *keyTable) section(g *generation) section {
	h := t.held[uint32(g.id)]
	if h == nil {
		return section{}
	}
	s := section{from: max(h.low, t.queue.first)}
	s.to = min(s.from+sectionSize, h.high)
	for at := s.from; at < s.to; at++ {
		if e := t.queue.at(at); e.generation == uint32(g.id) {
			s.entries = append(s.entries, *e)
		}
	}
	return s
}

// move notes that a section is durable in a newer generation. What was forgotten meanwhile stays forgotten.
func (t *keyTable) move(s section, from, to *generation) {
	for at := max(s.from, t.queue.first); at < s.to; at++ {
		if e := t.queue.at(at); e.generation == uint32(from.id) {
			t.release(e.generation)
			e.generation = uint32(to.id)
			t.hold(e.generation, at)
		}
	}
	if h := t.held[uint32(from.id)]; h != nil {
		h.low = max(h.low, s.to)
	}
}

// forget forgets all that a generation holds, before its time.
func (t *keyTable) forget(g *generation) {
	h := t.held[uint32(g.id)]
	if h == nil {
		return
	}
	for at := max(h.low, t.queue.first); at < h.high; at++ {
		if e := t.queue.at(at); e.generation == uint32(g.id) {
			t.drop(e.id)
			t.early++
		}
	}
}

// restore fills an empty table with what a log holds on disk, as of now.
func (t *keyTable) restore(found map[buffer.KeyID]keyEntry, now int64) {
	t.start = now
	entries := make([]keyEntry, 0, len(found))
	for _, e := range found {
		if e.at+t.window > now {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b keyEntry) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.first, b.first)) })
	for _, e := range entries[max(0, len(entries)-t.limit):] {
		t.add(e, uint64(e.generation))
	}
}

// keyQueue is a queue in pieces, so that it neither copies as it grows nor keeps what it no longer needs. A position is
// good for ever.
type keyQueue struct {
	pieces      []*[pieceSize]keyEntry
	first, next uint64
}

const pieceSize = 1024

func (q *keyQueue) len() int { return int(q.next - q.first) }

func (q *keyQueue) at(position uint64) *keyEntry {
	return &q.pieces[position/pieceSize-q.first/pieceSize][position%pieceSize]
}

func (q *keyQueue) push(e keyEntry) uint64 {
	if q.next%pieceSize == 0 {
		q.pieces = append(q.pieces, new([pieceSize]keyEntry))
	}
	q.next++
	*q.at(q.next - 1) = e
	return q.next - 1
}

func (q *keyQueue) pop() {
	q.first++
	if q.first%pieceSize == 0 {
		q.pieces[0] = nil
		q.pieces = q.pieces[1:]
	}
}
