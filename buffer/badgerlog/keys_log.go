package badgerlog

import (
	"fmt"

	"hydrant/buffer"
)

// keyClock is the time by which keys age.
func (l *Log) keyClock() int64 { return l.keys.start + l.cfg.elapsed().Milliseconds() }

// begin notes that a batch with a key is on its way in a group.
func (t *keyTable) begin(key buffer.Key, receipt buffer.Receipt, g *group) {
	if key.ID.IsZero() {
		return
	}
	t.forming[key.ID] = attempt{key.Payload, receipt, g}
	g.keys = append(g.keys, keyEntry{id: key.ID, payload: key.Payload, first: receipt.First, count: uint32(receipt.Count)})
}

// abandon frees the keys of a group that failed.
func (t *keyTable) abandon(g *group) {
	for i := range g.keys {
		delete(t.forming, g.keys[i].id)
	}
}

// packKeys returns the keys that a group makes durable, with their time.
func (l *Log) packKeys(g *group) []keyEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	g.clock = l.keyClock()
	for i := range g.keys {
		g.keys[i].at = g.clock
	}
	if g.carry == nil {
		return g.keys
	}
	g.carried = l.keys.section(g.carry)
	return append(g.carried.entries, g.keys...)
}

// publishKeys remembers the keys of a group that is durable now. Called with mu held.
func (l *Log) publishKeys(g *group, where *generation) {
	if g.carry != nil {
		l.keys.move(g.carried, g.carry, where)
	}
	for i := range g.keys {
		delete(l.keys.forming, g.keys[i].id)
		l.keys.add(g.keys[i], where.id)
	}
}

// expireKeys gives back what old keys take while nothing comes in.
func (l *Log) expireKeys() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys.expire(l.keyClock())
}

// carryAnyway is what keys may take and be carried without a thought, in bytes.
const carryAnyway = 256 << 10

// carriesLittle reports whether it is worth while to drop the oldest generation: the keys that are carried out of the
// settled generations at the log's beginning must be a quarter of them at most. Keys would otherwise be written over and
// over where requests are small. What is kept for this is at most four times what the keys take, for the window at most.
// Called with mu held.
func (l *Log) carriesLittle() bool {
	if l.stuck() {
		return true
	}
	var disk, keys int64
	for _, g := range l.gens {
		if g == l.current || g.live.Load() > 0 {
			break
		}
		disk += g.allocated.Load()
		keys += int64(l.keys.heldBy(g)) * keyBytes
	}
	return keys <= max(disk/4, carryAnyway)
}

// stuck reports whether only the drop of a generation can make room for the next one. Called with mu held.
func (l *Log) stuck() bool { return l.supply.out() && !l.supply.making }

// forgetWhatDoesNotFit forgets an old generation's keys where no new one can be made and the rest of the current one is
// needed for draining the log: records come before keys.
func (l *Log) forgetWhatDoesNotFit(oldest *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stuck() && l.keys.heldBy(oldest)*keyBytes > carryAnyway {
		l.keys.forget(oldest)
	}
}

// takeInKeys adds a group's keys. Of two copies the newer one counts: the older may be about to be dropped.
func (m *image) takeInKeys(g *foundGroup, value []byte) {
	clock, entries, err := decodeKeys(value)
	if err != nil {
		m.notes = append(m.notes, fmt.Sprintf("the keys of group %d: %v", g.number, err))
		return
	}
	m.clock = max(m.clock, clock)
	for _, e := range entries {
		e.generation = uint32(g.generation.id)
		m.keys[e.id] = e
	}
}
