package badgerlog

import (
	"context"
	"errors"
	"fmt"

	"hydrant/buffer"
)

// group gathers what the next sync will commit. Until the committer takes it, it is guarded by Log.mu; from then on it
// is the committer's alone, until done is closed.
type group struct {
	parts   []*part // one a lane, in the order of arrival
	changes []change
	lanes   []*lane     // made by this group
	moves   []*move     // blocks of an old generation, written anew
	carry   *generation // whose live state this group writes anew
	leave   bool        // for a new generation, whether or not this one is full
	bytes   int         // of records
	records int

	keys    []keyEntry // of the batches that have one
	carried section    // keys of carry's, written anew
	clock   int64      // of the keys, when the group was packed

	done chan struct{} // closed when err is final
	err  error

	first struct { // memory for one lane, which is all that most groups need
		part  part
		parts [1]*part
	}
}

func newGroup() *group { return &group{done: make(chan struct{})} }

func (g *group) empty() bool {
	return len(g.parts) == 0 && len(g.changes) == 0 && len(g.moves) == 0 && g.carry == nil
}

// part is one lane's share of a group.
type part struct {
	lane    *lane
	first   buffer.Seq
	records int
	bytes   int64
	blocks  []*packed
	broken  bool // the next record begins a block
	refs    []*ref

	one struct { // memory for one block, the same
		block  packed
		blocks [1]*packed
		refs   [1]*ref
	}
}

// part returns the lane's share of the group.
func (g *group) part(l *lane) *part {
	for _, p := range g.parts {
		if p.lane == l {
			return p
		}
	}
	p := &g.first.part
	if len(g.parts) == 0 {
		g.parts = g.first.parts[:0]
	} else {
		p = new(part)
	}
	p.lane, p.first = l, l.next
	p.blocks, p.refs = p.one.blocks[:0], p.one.refs[:0]
	g.parts = append(g.parts, p)
	return p
}

// add packs a record. Its sequence is the lane's next one.
func (p *part) add(record []byte, arrival int64, key *buffer.DataKey) {
	n := len(p.blocks)
	if n == 0 || p.broken || p.blocks[n-1].builder == nil || p.blocks[n-1].builder.Len()+len(record) > blockLimit {
		b := &p.one.block
		if n > 0 {
			b = new(packed)
		}
		b.builder, b.key = builders.Get().(*buffer.Builder), key
		p.blocks = append(p.blocks, b)
		n, p.broken = n+1, false
	}
	p.blocks[n-1].builder.Add(record, arrival)
}

// take adds a batch, of which own are the blocks where it has some.
func (p *part) take(records [][]byte, size int, own []*packed, arrival int64, key *buffer.DataKey) {
	for _, b := range own {
		b.arrival = arrival
	}
	p.blocks = append(p.blocks, own...)
	if own == nil {
		for _, record := range records {
			p.add(record, arrival, key)
		}
	}
	p.records += len(records)
	p.bytes += int64(size)
}

// Append implements buffer.Log.
func (l *Log) Append(ctx context.Context, b buffer.Batch) (buffer.Receipt, error) {
	size, err := batchSize(b)
	if err != nil {
		return buffer.Receipt{}, err
	}
	if err := ctx.Err(); err != nil {
		return buffer.Receipt{}, err
	}
	l.mu.Lock()
	for !l.closed && l.incoming() > 0 && l.incoming()+size > groupLimit {
		l.room.Wait()
	}
	own, packedWith := l.packAlone(b, size)
	in, repeats, err := l.enter(b, size, own, packedWith)
	l.mu.Unlock()
	switch {
	case err != nil:
		return buffer.Receipt{}, err
	case repeats:
		return in.repeat(ctx, b.Key)
	}
	wake(l.work)
	return in.receipt, in.group.wait(ctx)
}

// enter puts a batch into the forming group, unless it repeats one: then what is known of that is returned. Called with mu
// held.
func (l *Log) enter(b buffer.Batch, size int, own []*packed, packedWith *buffer.DataKey) (in attempt, repeats bool, err error) {
	if first, ok := l.keys.find(b.Key.ID, l.keyClock()); ok && l.alive() == nil {
		return first, true, nil
	}
	lane, key, err := l.admit(b.Stream, size)
	if err != nil {
		return attempt{}, false, err
	}
	g, p := l.forming, l.forming.part(lane)
	receipt := buffer.Receipt{First: lane.next, Count: len(b.Records)}
	if key != packedWith {
		own = nil // a definition with another key came into force meanwhile
	}
	p.take(b.Records, size, own, l.cfg.now().UnixMilli(), key)
	lane.next += buffer.Seq(len(b.Records))
	g.bytes += size
	g.records += len(b.Records)
	l.keys.begin(b.Key, receipt, g)
	return attempt{b.Key.Payload, receipt, g}, false, nil
}

// incoming is the size of the records that the next group takes. Called with mu held.
func (l *Log) incoming() int { return l.forming.bytes + l.packing }

// packAlone makes the blocks of a batch that gets blocks of its own, unless it is known or would be refused now, with the
// data key that it returns. Called with mu held, which it lets go meanwhile.
func (l *Log) packAlone(b buffer.Batch, size int) ([]*packed, *buffer.DataKey) {
	if size < ownBlocks {
		return nil, nil
	}
	if _, known := l.keys.find(b.Key.ID, l.keyClock()); known {
		return nil, nil
	}
	lane, key, err := l.admit(b.Stream, size)
	if err != nil {
		return nil, nil // enter says why
	}
	l.packing += size
	l.mu.Unlock()
	own := lane.packAlone(b.Records, key)
	l.mu.Lock()
	l.packing -= size
	l.room.Broadcast() // it may be refused now
	return own, key
}

func batchSize(b buffer.Batch) (int, error) {
	if len(b.Records) == 0 {
		return 0, errors.New("a batch needs a record")
	}
	size := 0
	for _, record := range b.Records {
		if len(record) > buffer.MaxRecord {
			return 0, fmt.Errorf("a record of %d bytes: the buffer takes at most %d", len(record), buffer.MaxRecord)
		}
		size += len(record)
	}
	return size, nil
}

// admit decides whether size more bytes of records may come in, and what they are encrypted with. Called with mu held.
func (l *Log) admit(id buffer.StreamID, size int) (*lane, *buffer.DataKey, error) {
	if err := l.alive(); err != nil {
		return nil, nil, err
	}
	lane, ok := l.lanes[id]
	if !ok {
		return nil, nil, fmt.Errorf("%w: %s", buffer.ErrUnknownStream, id)
	}
	if err := l.overHeadroom(size); err != nil {
		return nil, nil, err
	}
	// Where no further generation can be made, what is left of this one is for the changes of state that drain the log.
	if l.full != nil && l.ready == nil {
		if int64(size) > l.left() {
			return nil, nil, l.full
		}
	}
	if l.short != nil {
		return nil, nil, l.short
	}
	if err := l.overShare(lane, size); err != nil {
		return nil, nil, err
	}
	key, err := lane.dataKey()
	return lane, key, err
}

// left is what the current generation still takes of records where it is the last one for a while. Called with mu held.
func (l *Log) left() int64 {
	if l.current == nil || l.current.reserved {
		return 0
	}
	return l.current.capacity - l.committer.used.Load() - int64(l.forming.bytes) - l.current.capacity/4
}

// alive reports why nothing may come in any more. Called with mu held.
func (l *Log) alive() error {
	if l.failure != nil {
		return l.failure
	}
	if l.closed {
		return buffer.ErrClosed
	}
	return nil
}

// broken reports why nothing can be stored any more.
func (l *Log) broken() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure
}

func (g *group) wait(ctx context.Context) error {
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// submit lets fill add to the forming group and waits until that is durable.
func (l *Log) submit(ctx context.Context, fill func(*group) error) error {
	g, err := l.add(fill)
	if g == nil {
		return err
	}
	wake(l.work)
	return g.wait(ctx)
}

// add lets fill add to the forming group, and returns that; nil where it is still empty, or with an error.
func (l *Log) add(fill func(*group) error) (*group, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.alive(); err != nil {
		return nil, err
	}
	if err := fill(l.forming); err != nil || l.forming.empty() {
		return nil, err
	}
	return l.forming, nil
}

// fail ends the log: what was acknowledged is on disk, nothing more can be.
func (l *Log) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure == nil {
		l.failure = fmt.Errorf("the buffer cannot store anything any more: %w", err)
		close(l.failed)
	}
	l.room.Broadcast()
}

// take waits for something to commit; nil means that the log is closed and everything is committed.
func (l *Log) take() *group {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.forming.empty() {
		if l.closed {
			return nil
		}
		l.mu.Unlock()
		<-l.work
		l.mu.Lock()
	}
	g := l.forming
	l.forming = newGroup()
	l.room.Broadcast()
	return g
}
