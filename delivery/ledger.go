package delivery

import (
	"container/heap"
	"fmt"
	"slices"

	"hydrant/buffer"
)

// ledger knows which outputs are settled, and how far everything is. It is pure: it knows no clock, disk or network.
//
// Every object has an entry from its first output on. The cursor is the sequence before the lowest first of all entries
// that are not settled, or the reader's position where there are none. Partitions are named with their version, since
// a partition of one version and the same prefix under the next are two.
type ledger struct {
	cursor   buffer.Seq
	position buffer.Seq // the last record whose outputs have all been taken in
	pending  entryHeap  // not settled, by first
	done     entryHeap  // settled, by to: their manifests are kept until the cursor has passed them
	sealedTo map[partitionID]buffer.Seq

	// The last of each partition's settled entries stands for those before it: of a partition that is delivered all the
	// time one is kept, however long the cursor stands before another.
	latest   map[partitionID]*entry
	needless []string     // state keys of manifests that a later one stands for
	opened   int          // entries so far
	drops    []drops      // that the cursor has not passed, in order
	restored []buffer.Seq // the first of each entry that is not settled and that no drop has passed, in order
}

// drops counts records without outputs, up to the last of them. No entry begins between them, so that the cursor comes
// to rest before them all or behind them all.
type drops struct {
	last    buffer.Seq
	records int64
	opened  int
}

type partitionID struct {
	version uint64
	name    string
}

// entry is one object in the ledger.
type entry struct {
	partition partitionID
	stateKey  string // of the manifest
	first, to buffer.Seq

	inPending, inDone int // where it is in these heaps
}

func newLedger(cursor buffer.Seq) *ledger {
	return &ledger{
		cursor:   cursor,
		position: cursor,
		pending:  entryHeap{key: func(e *entry) buffer.Seq { return e.first }, place: func(e *entry) *int { return &e.inPending }},
		done:     entryHeap{key: func(e *entry) buffer.Seq { return e.to }, place: func(e *entry) *int { return &e.inDone }},
		sealedTo: map[partitionID]buffer.Seq{},
		latest:   map[partitionID]*entry{},
	}
}

// resume says that everything up to cursor was settled before.
func (l *ledger) resume(cursor buffer.Seq) {
	l.cursor, l.position = max(l.cursor, cursor), max(l.position, cursor)
}

// open begins an object with an output of the record at first.
func (l *ledger) open(p partitionID, first buffer.Seq) *entry {
	e := &entry{partition: p, first: first}
	heap.Push(&l.pending, e)
	l.opened++
	return e
}

// drop says that the record at seq has no outputs.
func (l *ledger) drop(seq buffer.Seq) {
	for len(l.restored) > 0 && l.restored[0] < seq { // the cursor may come to rest between the drop before and this one
		l.restored = l.restored[1:]
		l.opened++
	}
	if n := len(l.drops); n > 0 && l.drops[n-1].opened == l.opened {
		l.drops[n-1].last = seq
		l.drops[n-1].records++
		return
	}
	l.drops = append(l.drops, drops{last: seq, records: 1, opened: l.opened})
}

// dropped takes out the records dropped that the cursor has passed.
func (l *ledger) dropped() (records int64) {
	n := 0
	for n < len(l.drops) && l.drops[n].last <= l.cursor {
		records += l.drops[n].records
		n++
	}
	l.drops = slices.Delete(l.drops, 0, n)
	return records
}

// from is what a manifest of the partition sealed now begins after.
func (l *ledger) from(p partitionID) buffer.Seq { return max(l.sealedTo[p], l.cursor) }

// seal says that e's manifest is durable and ends at to.
func (l *ledger) seal(e *entry, stateKey string, to buffer.Seq) {
	e.stateKey, e.to = stateKey, to
	l.sealedTo[e.partition] = max(l.sealedTo[e.partition], to)
}

// restore takes in a manifest found at start.
func (l *ledger) restore(m *Manifest) *entry {
	e := &entry{partition: partitionID{m.Version, m.Partition}, first: m.First}
	l.seal(e, m.stateKey(), m.To)
	if m.Delivered {
		l.keep(e)
	} else {
		heap.Push(&l.pending, e)
		i, _ := slices.BinarySearch(l.restored, m.First)
		l.restored = slices.Insert(l.restored, i, m.First)
	}
	return e
}

// covered reports whether an output of the partition from the record at seq is in a sealed object already.
func (l *ledger) covered(p partitionID, seq buffer.Seq) bool { return seq <= l.sealedTo[p] }

// settle says that e's object is delivered.
func (l *ledger) settle(e *entry) {
	heap.Remove(&l.pending, e.inPending)
	l.keep(e)
}

// keep holds a settled entry's manifest, and none that it stands for.
func (l *ledger) keep(e *entry) {
	heap.Push(&l.done, e)
	before := l.latest[e.partition]
	if before != nil && before.to > e.to {
		return // settled the other way round: the cursor will pass it
	}
	l.latest[e.partition] = e
	if before != nil {
		heap.Remove(&l.done, before.inDone)
		l.needless = append(l.needless, before.stateKey)
	}
}

// advance returns how far everything is settled, and the manifests that are needed no more once that is durable.
func (l *ledger) advance() (cursor buffer.Seq, passed []string) {
	l.cursor = max(l.cursor, l.position)
	if l.pending.Len() > 0 {
		l.cursor = min(l.cursor, l.pending.entries[0].first-1)
	}
	passed, l.needless = l.needless, nil
	for l.done.Len() > 0 && l.done.entries[0].to <= l.cursor {
		e := heap.Pop(&l.done).(*entry)
		passed = append(passed, e.stateKey)
		if l.sealedTo[e.partition] <= l.cursor {
			delete(l.sealedTo, e.partition)
		}
		if l.latest[e.partition] == e {
			delete(l.latest, e.partition)
		}
	}
	return l.cursor, passed
}

// check verifies what must always hold; tests call it after every step.
func (l *ledger) check() error {
	for _, e := range l.pending.entries {
		if e.first <= l.cursor {
			return fmt.Errorf("the cursor is %d, but an object from %d on is not settled", l.cursor, e.first)
		}
	}
	return nil
}

// entryHeap is a heap.Interface by key.
type entryHeap struct {
	entries []*entry
	key     func(*entry) buffer.Seq
	place   func(*entry) *int // where an entry keeps its index
}

func (h *entryHeap) Len() int           { return len(h.entries) }
func (h *entryHeap) Less(i, j int) bool { return h.key(h.entries[i]) < h.key(h.entries[j]) }

func (h *entryHeap) Swap(i, j int) {
	h.entries[i], h.entries[j] = h.entries[j], h.entries[i]
	*h.place(h.entries[i]), *h.place(h.entries[j]) = i, j
}

func (h *entryHeap) Push(e any) {
	*h.place(e.(*entry)) = len(h.entries)
	h.entries = append(h.entries, e.(*entry))
}

func (h *entryHeap) Pop() any {
	n := len(h.entries) - 1
	e := h.entries[n]
	h.entries[n] = nil
	h.entries = h.entries[:n]
	return e
}
