package badgerlog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strings"
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
		l.books = head{p.first + buffer.Seq(p.records), l.books.accepted + int64(p.records), l.books.bytes + p.bytes}
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

// setVersion takes in a change of the versions. Called with Log.mu held, or before the log is in use.
func (l *lane) setVersion(c *change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.versions = slices.DeleteFunc(l.versions, func(v version) bool { return versionKey(v.Number) == c.key })
	if v, err := decodeVersion(c.key, c.value); err == nil && !c.deleted {
		l.versions = append(l.versions, v)
		slices.SortFunc(l.versions, func(a, b version) int { return int(int64(a.Number) - int64(b.Number)) })
	}
	l.only = nil
	if len(l.versions) == 1 {
		l.only = []buffer.Version{l.versions[0].Version}
	}
	if slices.ContainsFunc(l.versions, func(v version) bool { return v.Key != 0 }) {
		l.log.locking[l] = struct{}{}
	} else {
		delete(l.log.locking, l)
	}
}

// lastVersion is the newest one; its number is 0 where there is none.
func (l *lane) lastVersion() version {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.versions) == 0 {
		return version{}
	}
	return l.versions[len(l.versions)-1]
}

// versionAt is the version in force at a sequence. Called with mu held.
func (l *lane) versionAt(s buffer.Seq) *buffer.Version {
	for _, v := range slices.Backward(l.versions) {
		if v.first <= s {
			return &v.Version
		}
	}
	return nil
}

// settled is the cursor.
func (l *lane) settled() buffer.Seq {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cursor
}

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

// needed are the versions that a record above the cursor may need, and of a lane that is not derived the one in force. Others
// may lie in the state until the cursor moves: of a stream that has nothing pending, a new definition makes the one before it
// needless at once. Called with mu held; the versions must not be changed.
func (l *lane) needed() (out []buffer.Version) {
	if l.only != nil && !l.id.IsDerived() {
		return l.only // in force
	}
	for i, v := range l.versions {
		next := l.books.next
		if i+1 < len(l.versions) {
			next = l.versions[i+1].first
		} else if !l.id.IsDerived() {
			next++ // of the record that may come
		}
		if next > l.cursor+1 {
			out = append(out, v.Version)
		}
	}
	return out
}

// Read implements buffer.Lane.
func (l *lane) Read(ctx context.Context, after buffer.Seq, b *buffer.Block) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		l.mu.Lock()
		i := l.find(after + 1)
		var r *ref
		var v *buffer.Version
		if i < len(l.refs) {
			r, v = l.refs[i], l.versionAt(l.refs[i].first)
		}
		damage, damaged := l.nextDamage(after, r)
		if r == nil && l.changed == nil {
			l.changed = make(chan struct{})
		}
		changed := l.changed
		l.mu.Unlock()
		if damaged {
			return &buffer.CorruptError{Lane: l.id, Damage: damage}
		}
		if r != nil {
			err := l.read(r, v, b)
			if errors.Is(err, errNotOpen) {
				continue // the block was rewritten, or too many generations are read at once: look again
			}
			switch {
			case l.lock(err):
				err = awaitKey(ctx)
			case errors.Is(err, errNotNow):
				err = l.pause(ctx, err)
			case errors.Is(err, buffer.ErrDamaged):
				err = l.isolate(ctx, r, err)
			default:
				return err
			}
			if err != nil {
				return err
			}
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Extent implements buffer.Lane.
func (l *lane) Extent(after buffer.Seq) (buffer.Seq, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.find(after + 1)
	if i == len(l.refs) || l.locked != nil {
		return 0, false
	}
	if _, damaged := l.nextDamage(after, l.refs[i]); damaged {
		return 0, false
	}
	return l.refs[i].last(), true
}

// find is the index of the first block that holds a record at or above s. Called with mu held.
func (l *lane) find(s buffer.Seq) int {
	return sort.Search(len(l.refs), func(i int) bool { return l.refs[i].last() >= s })
}

func (l *lane) read(r *ref, v *buffer.Version, b *buffer.Block) error {
	err := l.load(r, b)
	if errors.Is(err, buffer.ErrDamaged) {
		news, rescueErr := r.generation.rescue()
		if rescueErr != nil {
			return fmt.Errorf("%w: %w", errNotNow, rescueErr)
		}
		if news {
			l.log.cfg.Log.Error("the buffer is damaged", "damage",
				fmt.Sprintf("generation %d was closed in good order, but %v: it is read value by value", r.generation.id, err))
		}
		err = l.load(r, b) // also where another lane has found out first
	}
	b.Version = v
	return err
}

// errNotNow says that a block could not be looked for. That says nothing about the block.
var errNotNow = errors.New("the generation cannot be opened now")

// pause lets a reader wait for what passes by itself, such as too many open files.
func (l *lane) pause(ctx context.Context, cause error) error {
	l.log.cfg.Log.Error("records cannot be read now; trying again", "stream", l.name, "reason", cause)
	select {
	case <-time.After(time.Second):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *lane) load(r *ref, b *buffer.Block) error {
	decode := func(data []byte) error {
		if err := b.Decode(data, l.log.cfg.DataKeys); err != nil {
			return err
		}
		if b.Lane != l.id || b.First != r.first || b.Count != r.count {
			return fmt.Errorf("%w: another block lies in its place", buffer.ErrDamaged)
		}
		return nil
	}
	if data := r.bytes(); data != nil {
		return decode(data)
	}
	key := blockKey(l.id, r.first, r.count)
	err := r.generation.read(key, decode)
	if !errors.Is(err, errNotOpen) {
		return err
	}
	if err := l.log.openToRead(r.generation); err != nil {
		return fmt.Errorf("%w: %w", buffer.ErrDamaged, err)
	}
	return r.generation.read(key, decode)
}

// State implements buffer.Lane.
func (l *lane) State() iter.Seq2[string, []byte] {
	l.log.mu.Lock()
	var entries []buffer.Entry
	for p, s := range l.log.state[l.id] {
		if p.kind == kindEntry {
			entries = append(entries, buffer.Entry{Key: p.key, Value: s.value})
		}
	}
	l.log.mu.Unlock()
	slices.SortFunc(entries, func(a, b buffer.Entry) int { return strings.Compare(a.Key, b.Key) })
	return func(yield func(string, []byte) bool) {
		for _, e := range entries {
			if !yield(e.Key, e.Value) {
				return
			}
		}
	}
}

// Commit implements buffer.Lane.
func (l *lane) Commit(ctx context.Context, c buffer.Change) error {
	size, err := l.log.awaitRoom(c.Derived)
	if err != nil {
		return err
	}
	return l.log.submit(ctx, l.change(c, size))
}

// change adds what a commit changes to a group; size is that of the records derived.
func (l *lane) change(c buffer.Change, size int) func(*group) error {
	return func(g *group) error {
		if err := l.admitDerived(c.Derived, size); err != nil {
			return err
		}
		key, err := l.derivedKey(c.Derived)
		if err != nil {
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if c.Cursor >= l.books.next {
			return fmt.Errorf("cursor %d is beyond the last record, %d", c.Cursor, l.books.next-1)
		}
		for _, e := range c.Put {
			g.changes = append(g.changes, change{stateKey: stateKey{kindEntry, l.id, e.Key}, value: e.Value})
		}
		for _, key := range c.Delete {
			g.changes = append(g.changes, change{stateKey: stateKey{kindEntry, l.id, key}, deleted: true})
		}
		if c.Cursor > l.cursor {
			g.changes = append(g.changes, change{stateKey: stateKey{kindCursor, l.id, ""}, value: encodeCursor(c.Cursor)})
			g.changes = append(g.changes, l.retired(c.Cursor)...)
		}
		g.derive(l.derived, c.Derived, size, key)
		return nil
	}
}

// retired are the versions that no record above the cursor was appended under. Called with mu held.
func (l *lane) retired(cursor buffer.Seq) []change {
	var changes []change
	for i := 0; i+1 < len(l.versions) && l.versions[i+1].first <= cursor+1; i++ {
		changes = append(changes, change{stateKey: stateKey{kindVersion, l.id, versionKey(l.versions[i].Number)}, deleted: true})
	}
	return changes
}
