package badgerlog

import (
	"fmt"
	"sync/atomic"
	"time"

	"hydrant/buffer"
)

// committer is the one goroutine that writes. Its fields are its own, but for used.
type committer struct {
	log     *Log
	current *generation
	number  uint64 // of the last group
	hash    uint64 // of the last group's record
	born    time.Time
	fresh   bool         // the current generation has no snapshot yet
	fault   time.Time    // of the last failed sync
	used    atomic.Int64 // of the current generation, as published
	rate    atomic.Int64 // bytes a second into the last generation
	speed   rate         // of the disk, by groups that are large enough to tell

	// Memory for the group under way.
	record groupRecord
	memory recordMemory
	keys   []byte
	values []value
}

// minBetweenFaults is how far apart two failed syncs must be for the log to go on after the second.
const minBetweenFaults = time.Minute

// tellingGroup is from where a group's time tells how fast the disk writes, rather than how long it takes to answer.
const tellingGroup = 256 << 10

// copyLimit is up to where a group record is stored twice.
const copyLimit = 1 << 20

func (c *committer) run() {
	for g := c.log.take(); g != nil; g = c.log.take() {
		c.commit(g)
	}
}

// commit makes one group durable and published, and then tells everyone who waits for it.
func (c *committer) commit(g *group) {
	defer c.log.finish(g)
	if g.err = c.log.broken(); g.err != nil {
		return
	}
	record := c.pack(g)
	defer c.forget()
	data := record.encode(&c.memory)
	stored := c.arrange(g, record.number, data)
	groupPacked.Reach()
	start := c.log.cfg.now()
	if g.err = c.store(c.values, stored, g.leave); g.err != nil {
		return
	}
	groupSynced.Reach()
	c.number, c.hash = record.number, hashGroup(data)
	c.current.note(record, c.hash)
	c.used.Store(c.current.used)
	c.log.publish(g, record.changes, c.current)
	groupPublished.Reach()
	took := c.log.cfg.now().Sub(start)
	if stored >= tellingGroup {
		c.speed.measure(int(stored), took)
	}
	c.log.cfg.Observe(Group{Records: g.records, Bytes: int64(g.bytes), Stored: stored, Sync: took})
}

// arrange lists the group's values as they are stored, and returns the size of their data.
func (c *committer) arrange(g *group, number uint64, data []byte) (stored int64) {
	add := func(key, data []byte) {
		c.values = append(c.values, value{key[len(c.keys):len(key):len(key)], data})
		c.keys = key
		stored += int64(len(data))
	}
	add(appendGroupKey(c.keys, firstCopy, number), data)
	for _, p := range g.parts {
		for _, r := range p.refs {
			add(appendBlockKey(c.keys, p.lane.id, r.first, r.count), r.data)
		}
	}
	for _, m := range g.moves {
		add(appendBlockKey(c.keys, m.lane.id, m.from.first, m.from.count), m.data)
	}
	if len(data) <= copyLimit {
		add(appendGroupKey(c.keys, secondCopy, number), data)
	}
	return stored
}

// forget lets go of what the group under way has in the committer's memory, which is for the next one then.
func (c *committer) forget() {
	clear(c.values)
	clear(c.record.blocks)
	clear(c.record.changes)
	c.values, c.keys = c.values[:0], c.keys[:0]
	c.record = groupRecord{blocks: c.record.blocks[:0], changes: c.record.changes[:0]}
	c.memory.bound()
	if cap(c.record.changes) > keepChanges { // a rare large group's, as one that repeats the state of many streams
		c.record.changes = nil
	}
}

// keepChanges is for how many changes of state memory is kept.
const keepChanges = 4096

// finish tells everyone who waits for a group. The keys of one that failed are free again before that.
func (l *Log) finish(g *group) {
	if g.err != nil {
		l.mu.Lock()
		l.keys.abandon(g)
		l.mu.Unlock()
	}
	close(g.done)
}

// pack turns a group into blocks and the record that links them into the chain, which is good until forget.
func (c *committer) pack(g *group) *groupRecord {
	g.finishAll()
	record := &c.record
	record.number, record.previous = c.number+1, c.hash
	record.changes = append(record.changes, g.changes...)
	for _, p := range g.parts {
		first := p.first
		for _, b := range p.blocks {
			buffer.Place(b.block, p.lane.id, first, b.arrival)
			p.refs = append(p.refs, newRef(b, first))
			record.blocks = append(record.blocks, b.block[:buffer.HeaderSize])
			first += buffer.Seq(b.count)
		}
		p.blocks = nil
		if p.records > 0 {
			h := p.lane.head()
			h = head{next: first, accepted: h.accepted + int64(p.records), bytes: h.bytes + p.bytes}
			record.changes = append(record.changes, change{stateKey: stateKey{kindHead, p.lane.id, ""}, value: h.encode()})
		}
	}
	for _, m := range g.moves {
		record.blocks = append(record.blocks, m.data[:buffer.HeaderSize])
	}
	if g.carry != nil {
		record.changes = append(record.changes, c.log.liveState(g.carry, record.changes)...)
	} else if c.fresh {
		record.changes = append(record.changes, c.log.snapshot(record.changes)...)
		c.fresh = false
	}
	if keys := c.log.packKeys(g); len(keys) > 0 {
		record.changes = append(record.changes, keysChange(g.clock, keys))
	}
	return record
}

// store writes the values into the current generation, or into the next one where they do not fit or the current one
// fails. A generation is never written again after a failed write or sync: the kernel may have dropped the pages, and
// the next sync would not tell. The same values in a newer generation win over what the failed one may hold of them.
func (c *committer) store(values []value, stored int64, leave bool) error {
	if c.current == nil || leave || !c.current.fits(stored, len(values)) {
		if err := c.rotate(stored, len(values)); err != nil {
			return err
		}
	}
	err := c.current.write(values, c.log.cfg.sync)
	if err == nil {
		return nil
	}
	now := c.log.cfg.now()
	repeated := !c.fault.IsZero() && now.Sub(c.fault) < minBetweenFaults
	c.fault = now
	c.log.cfg.Log.Error("the disk failed: nothing of this group was acknowledged; it goes to a new generation",
		"generation", c.current.dir, "error", err)
	c.current.set(poisoned)
	if !repeated {
		if unmade := c.rotate(stored, len(values)); unmade == nil {
			err = c.current.write(values, c.log.cfg.sync)
		} else {
			// Not as a full buffer, where surely nothing was stored: the next start may find what the failed write has left.
			err = fmt.Errorf("%w, and then %s", err, unmade)
		}
	}
	if err != nil {
		c.current.set(poisoned) // the new one too: at its close it must not pass for good
		c.log.fail(err)
	}
	return err
}

// rotate goes on in the next generation, which must take n values of stored bytes together.
func (c *committer) rotate(stored int64, n int) error {
	next, err := c.log.nextGeneration(stored, n)
	if err != nil {
		return err
	}
	old := c.current
	l := c.log
	c.fresh = true
	l.mu.Lock()
	c.current, l.current = next, next
	l.gens = append(l.gens, next)
	l.mu.Unlock()
	c.used.Store(0)
	if old != nil {
		l.measureRate(old, c.born)
	}
	c.born = l.cfg.now()
	l.makeAhead()
	generationLeft.Reach()
	if old != nil && old.state == writing {
		l.keepers.Go(func() {
			if err := l.seal(old); err != nil {
				l.cfg.Log.Error("a generation did not close in good order; it stays readable", "error", err)
			}
			wake(l.kick)
		})
	}
	return nil
}

// publish shows a durable group to readers.
func (l *Log) publish(g *group, changes []change, where *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lane := range g.lanes {
		if source := l.lanes[lane.id.Stream]; !lane.id.IsDerived() {
			l.lanes[lane.id.Stream] = lane
		} else if source.derived == nil {
			source.derived = lane
			l.deriving++
		}
	}
	if len(g.lanes) > 0 {
		close(l.arrived)
		l.arrived = make(chan struct{})
	}
	for i := range changes {
		if changes[i].isVersion() { // known before a record that was taken under it can be read
			l.apply(&changes[i], where)
		}
	}
	for _, p := range g.parts {
		for _, r := range p.refs {
			r.generation = where
			l.cache.add(r)
		}
		p.lane.publish(p)
	}
	for _, m := range g.moves {
		l.cache.forget([]*ref{m.from})
		m.lane.move(m, where)
	}
	moved := false
	for i := range changes {
		if !changes[i].isVersion() {
			moved = l.apply(&changes[i], where) || moved
		}
	}
	l.publishKeys(g, where)
	if moved || g.carry != nil || len(g.moves) > 0 {
		wake(l.kick)
	}
}

// isVersion reports whether the change defines a version.
func (c *change) isVersion() bool { return c.kind == kindVersion && !c.deleted }

// apply makes a change part of the live state, and reports whether a cursor moved. Called with mu held.
func (l *Log) apply(c *change, where *generation) bool {
	if c.kind == kindKeys {
		return false // published by what the group knows of them
	}
	if c.deleted {
		l.state.remove(c.stateKey)
	} else {
		l.state.put(c.stateKey, stored{c.value, where})
	}
	if d, ok := decodeDamage(c); ok {
		l.quarantine(c.lane, []buffer.Damage{d})
		return false
	}
	lane := l.lane(c.lane)
	if lane == nil {
		return false
	}
	switch c.kind {
	case kindVersion:
		lane.setVersion(c)
	case kindCursor:
		if s, err := decodeCursor(c.value); err == nil {
			l.cache.forget(lane.settle(s))
			return true
		}
	}
	return false
}

// liveState is the state that only carry holds and the group's own changes do not touch: it has to be written anew
// before carry can go.
func (l *Log) liveState(carry *generation, own []change) []change {
	touched := map[stateKey]bool{}
	for i := range own {
		touched[own[i].stateKey] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var live []change
	for key, s := range l.state.all() {
		if s.generation == carry && !touched[key] {
			live = append(live, change{stateKey: key, value: s.value})
		}
	}
	return live
}
