package badgerlog

import (
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"hydrant/buffer"
)

// lane is a stream's one lane: an index of the blocks that are not settled.
type lane struct {
	log  *Log
	id   buffer.LaneID
	name string

	// Guarded by Log.mu.
	next    buffer.Seq       // the sequence of the next record to come in
	key     buffer.DataKeyID // that it is encrypted with
	derived *lane            // nil where nothing is derived
	coming  version          // of a derived lane: that of the next record to come in

	stored atomic.Int64 // bytes on disk of the blocks in refs
	thrift thrift

	isolating chan struct{} // whose turn it is to quarantine a block

	mu       sync.Mutex
	refs     []*ref // in order; the first holds the first record above the cursor
	books    head   // of what is published
	cursor   buffer.Seq
	pending  int64 // bytes of the records in refs, framing included
	waiting  int64 // records in refs
	versions []version
	only     []buffer.Version // the one version where there is no other; shared with who asks, and never changed
	damage   []buffer.Damage  // in order; what the cursor has passed included
	changed  chan struct{}    // closed when something is published; nil where no reader waits for that
	locked   error            // why the block to be read next cannot be opened
}

func newLane(l *Log, id buffer.LaneID, name string) *lane {
	return &lane{log: l, id: id, name: name, next: 1, books: head{next: 1}, isolating: make(chan struct{}, 1)}
}

// publish adds a part's blocks.
func (l *lane) publish(p *part) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range p.refs {
		l.take(r)
	}
	if p.records > 0 {
		l.books = l.books.after(p)
	}
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// take and forget count a block that is not settled. Called with mu held.
func (l *lane) take(r *ref) {
	l.refs = append(l.refs, r)
	l.pending += int64(r.raw)
	l.waiting += int64(r.count)
	l.stored.Add(int64(r.stored))
	r.generation.hold(r)
}

func (l *lane) forget(r *ref) {
	l.pending -= int64(r.raw)
	l.waiting -= int64(r.count)
	l.stored.Add(-int64(r.stored))
	r.generation.letGo(r)
}

// settle moves the cursor and returns the blocks that lie below it now, forgotten by the lane.
func (l *lane) settle(cursor buffer.Seq) []*ref {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cursor <= l.cursor {
		return nil
	}
	l.cursor = cursor
	n := 0
	for n < len(l.refs) && l.refs[n].last() <= cursor {
		l.forget(l.refs[n])
		n++
	}
	settled := slices.Clone(l.refs[:n])
	clear(l.refs[:n]) // the array lives on behind the rest
	l.refs = l.refs[n:]
	return settled
}

// settled is the cursor.
func (l *lane) settled() buffer.Seq {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cursor
}

func (l *lane) headKey() stateKey { return stateKey{kindHead, l.id, ""} }

func (l *lane) head() head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.books
}

func (l *lane) stats() buffer.StreamStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := buffer.StreamStats{Accepted: l.books.accepted, AcceptedBytes: l.books.bytes, PendingBytes: l.pending}
	s.Pending = l.waiting + l.lostPending()
	if l.locked != nil {
		s.Locked = l.locked.Error()
	}
	if len(l.refs) > 0 {
		oldest := l.refs[0]
		s.OldestArrival = time.UnixMilli(oldest.arrival)
		if l.cursor >= oldest.first {
			s.Pending -= int64(l.cursor - oldest.first + 1)
		}
	}
	return s
}

// Info implements buffer.Lane.
func (l *lane) Info() buffer.LaneInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	info := buffer.LaneInfo{ID: l.id, Name: l.name, Origin: l.log.origin, Cursor: l.cursor, Head: l.cursor, Accepted: l.books.accepted}
	if n := len(l.refs); n > 0 {
		info.Head = l.refs[n-1].last()
	}
	if n := len(l.damage); n > 0 {
		info.Head = max(info.Head, l.damage[n-1].To)
	}
	info.InUse = l.needed()
	return info
}

// find is the index of the first block that holds a record at or above s. Called with mu held.
func (l *lane) find(s buffer.Seq) int {
	return sort.Search(len(l.refs), func(i int) bool { return l.refs[i].last() >= s })
}

// indexOf finds a block that may be settled, moved or quarantined by now. Called with mu held.
func (l *lane) indexOf(r *ref) (i int, there bool) {
	i = l.find(r.first)
	return i, i < len(l.refs) && l.refs[i] == r
}
