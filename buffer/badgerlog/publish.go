package badgerlog

import "hydrant/buffer"

// publish shows a durable group to readers.
func (l *Log) publish(g *group, changes []change, where *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lane := range g.lanes {
		if source := l.lanes[lane.id.Stream]; !lane.id.IsDerived() {
			l.lanes[lane.id.Stream] = lane
		} else if source.derived == nil {
			source.derived = lane
			l.deriving.streams++
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
