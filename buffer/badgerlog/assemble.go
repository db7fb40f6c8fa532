package badgerlog

import "hydrant/buffer"

// copyLimit is up to where a group record is stored twice.
const copyLimit = 1 << 20

// keepChanges is for how many changes of state memory is kept.
const keepChanges = 4096

// pack turns a group into blocks and the record that links them into the chain, which is good until forget.
func (c *committer) pack(g *group) *groupRecord {
	g.finishAll()
	record := &c.record
	record.number, record.previous = c.number+1, c.hash
	record.changes = append(c.log.appendRisen(record.changes, g.changes), c.news...)
	for _, p := range g.parts {
		p.place(record)
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

// place gives the part's blocks their places in the lane, now that they are packed, and lists them, and where the lane ends then.
func (p *part) place(record *groupRecord) {
	first := p.first
	for _, b := range p.blocks {
		buffer.Place(b.block, p.lane.id, first, b.arrival)
		p.refs = append(p.refs, newRef(b, first))
		record.blocks = append(record.blocks, b.block[:buffer.HeaderSize])
		first += buffer.Seq(b.count)
	}
	p.blocks = nil
	if p.records > 0 {
		end := p.lane.head().after(p)
		record.changes = append(record.changes, change{stateKey: p.lane.headKey(), value: end.encode()})
	}
}

// appendRisen appends a group's changes but for cursors that another commit is past already. A stream's tracks commit side by
// side, and what comes in last would be the last word, although the manifests below the higher cursor are gone by then.
func (l *Log) appendRisen(dst, changes []change) []change {
	var risen map[buffer.LaneID]buffer.Seq
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range changes {
		c := &changes[i]
		if c.kind == kindCursor {
			if risen == nil {
				risen = map[buffer.LaneID]buffer.Seq{}
			}
			to, err := decodeCursor(c.value)
			if lane := l.lane(c.lane); err == nil && lane != nil && to <= max(lane.settled(), risen[c.lane]) {
				continue
			}
			risen[c.lane] = to
		}
		dst = append(dst, *c)
	}
	return dst
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
