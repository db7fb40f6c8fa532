package badgerlog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hydrant/buffer"
)

// hole notes groups that are lost as a whole. The records in them are named by the heads on its far side.
func (m *image) hole(from, to uint64, gens ...*generation) {
	d := buffer.Damage{From: buffer.Seq(from), To: buffer.Seq(max(from, to)), Reason: "groups are lost, and the changes of state in them"}
	for _, g := range gens {
		if g != nil {
			g.damaged.Store(true)
			d.Generation = g.id
		}
	}
	m.lost[logLane] = append(m.lost[logLane], d)
	m.holed = true
}

// account compares a lane's head with the one before. Heads count every record, so that a record that no block in between
// accounts for is lost. A sequence that was never acknowledged leaves no such difference.
func (m *image) account(lane buffer.LaneID, h head, blocks []buffer.Header, g *generation) {
	last, known := m.heads[lane]
	if h.next < last.next {
		return // older versions wrote heads that fall, after damage
	}
	first, records := h.next, int64(0)
	for _, b := range blocks {
		if b.First >= last.next { // else it is an old block, written anew
			first, records = min(first, b.First), records+int64(b.Count)
		}
	}
	lost := h.accepted - records - last.accepted
	if !known {
		last.next = 1
	}
	if lost > 0 && first > last.next {
		d := buffer.Damage{From: last.next, To: first - 1, Records: min(lost, int64(first-last.next)), Reason: "the group is lost", Generation: g.id}
		if known {
			m.gaps[lane] = append(m.gaps[lane], d)
		} else {
			m.past[lane] = d
		}
	}
	m.heads[lane] = h
}

func (m *image) addAbsent(lane buffer.LaneID, d buffer.Damage) {
	if m.absent[lane] == nil {
		m.absent[lane] = map[buffer.Seq]buffer.Damage{}
	}
	m.absent[lane][d.From] = d
}

// askWitnesses looks for groups behind the end of the chain. At most one group is under way at a time: of several, all
// but the last were acknowledged.
func (m *image) askWitnesses() {
	slices.SortStableFunc(m.witnesses, func(a, b namedGroup) int { return cmp.Compare(a.number, b.number) })
	for _, w := range m.witnesses { // also of groups that another one of the same number came after
		for _, b := range w.blocks {
			m.name(b.lane, b.last())
		}
	}
	behind := slices.DeleteFunc(m.witnesses, func(w namedGroup) bool { return w.number <= m.lastNumber })
	for i, w := range behind {
		m.highest = max(m.highest, w.number)
		if w.number == behind[len(behind)-1].number {
			m.notes = append(m.notes, fmt.Sprintf("group %d is not there: unacknowledged or lost: %s", w.number, ranges(w.blocks)))
			continue
		}
		if i == 0 {
			m.hole(w.number, behind[len(behind)-1].number-1, w.generation)
		}
		slices.SortFunc(w.blocks, func(a, b namedBlock) int { return cmp.Compare(a.first, b.first) })
		for _, b := range w.blocks {
			m.loseNamed(b, w.generation)
		}
	}
}

// loseNamed takes a block as lost of which only the name is left.
func (m *image) loseNamed(b namedBlock, g *generation) {
	m.addAbsent(b.lane, buffer.Damage{From: b.first, To: b.last(), Records: int64(b.count), Reason: "the group is lost", Generation: g.id})
	if h := m.heads[b.lane]; b.first >= h.next { // else it was an old block, written anew
		m.heads[b.lane] = head{next: b.last() + 1, accepted: h.accepted + int64(b.count), bytes: h.bytes}
	}
}

// settleDamage sorts what is lost into what was known and what is new, leaves out what was settled, and takes everything
// that is quarantined off the index, also where its bytes have come back.
func (m *image) settleDamage() {
	m.readKnown()
	if m.holed { // what lies above a cursor was written anew before its generation was dropped: by one of the groups lost, perhaps
		for lane, d := range m.past {
			m.gaps[lane] = append(m.gaps[lane], d)
		}
	}
	for lane := range m.damagedLanes() {
		m.settleLost(lane)
	}
	for lane, lost := range m.lost {
		if lane == logLane {
			lost = slices.DeleteFunc(lost, func(d buffer.Damage) bool { return overlaps(m.known[lane], d.From, d.To) })
		}
		m.lost[lane] = merge(lost)
	}
	for lane, blocks := range m.blocks {
		maps.DeleteFunc(blocks, func(_ buffer.Seq, r *ref) bool { return overlaps(m.known[lane], r.first, r.last()) })
	}
}

// readKnown takes the damage that is written down out of the state.
func (m *image) readKnown() {
	for key, s := range m.state.all() {
		if key.kind != kindDamage {
			continue
		}
		var d buffer.Damage
		if json.Unmarshal(s.value, &d) == nil {
			m.known[key.lane] = append(m.known[key.lane], d)
		}
	}
}

// damagedLanes are the lanes that something was found to be missing of.
func (m *image) damagedLanes() map[buffer.LaneID]bool {
	lanes := map[buffer.LaneID]bool{}
	for lane := range m.absent {
		lanes[lane] = true
	}
	for lane := range m.gaps {
		lanes[lane] = true
	}
	return lanes
}

// settleLost adds to a lane's lost ranges what is missing of it above its cursor. No record counts as lost twice.
func (m *image) settleLost(lane buffer.LaneID) {
	cursor, _ := decodeCursor(m.state.get(stateKey{kindCursor, lane, ""}).value)
	known := disjoint(spansOf(m.known[lane]))
	for _, d := range m.missingOf(lane) {
		if d, pending := above(d, cursor); pending {
			m.lost[lane] = append(m.lost[lane], carve(d, known)...)
		}
	}
}

// missingOf is what is lost of a lane: the blocks of which no copy is there, and of the gaps between heads what no block
// accounts for.
func (m *image) missingOf(lane buffer.LaneID) (lost []buffer.Damage) {
	var accounted []span
	for _, r := range m.blocks[lane] {
		accounted = append(accounted, span{r.first, r.last(), int64(r.count)})
	}
	accounted = disjoint(accounted)
	for _, d := range m.absent[lane] {
		lost = append(lost, carve(d, accounted)...)
	}
	accounted = disjoint(append(accounted, spansOf(lost)...))
	for _, d := range m.gaps[lane] {
		lost = append(lost, carve(d, accounted)...)
	}
	return lost
}

func ranges(blocks []namedBlock) string {
	var out []string
	for _, b := range blocks {
		out = append(out, fmt.Sprintf("records %d to %d of stream %s", b.first, b.last(), b.lane.Stream))
	}
	if len(out) == 0 {
		return "changes of state"
	}
	return strings.Join(out, ", ")
}

// named are the blocks that a group lists.
func (g *foundGroup) named() (blocks []namedBlock) {
	for _, data := range g.blocks {
		h := buffer.PeekHeader(data)
		blocks = append(blocks, namedBlock{h.Lane, h.First, h.Count})
	}
	return blocks
}
