package badgerlog

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"hydrant/buffer"
)

// follow walks the chain from its oldest link, and takes in every group that was acknowledged. A group may lie in two
// generations, if the first one's disk failed: the newer wins, block by block.
func (m *image) follow(groups []foundGroup) {
	slices.SortStableFunc(groups, func(a, b foundGroup) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.generation.id, b.generation.id))
	})
	linked := links(groups)
	m.lastNumber, m.lastHash = dropped(groups)
	var before *generation
	for i := range groups {
		g := &groups[i]
		m.highest = max(m.highest, g.number)
		for _, data := range g.blocks {
			h := buffer.PeekHeader(data)
			m.name(h.Lane, h.Last())
		}
		if g.mark != nil {
			m.end(g, before)
			continue
		}
		if len(g.missing) > 0 && !linked[g.hash] {
			// Never acknowledged: the process that came after it started from the group before. Or it is the last one.
			m.notes = append(m.notes, fmt.Sprintf("group %d is not whole and nothing followed it: unacknowledged or lost: %s", g.number, ranges(g.named())))
			continue
		}
		if g.hash != m.lastHash && g.previous != m.lastHash {
			m.hole(m.lastNumber+1, g.number-1, g.generation, before)
		}
		before = g.generation
		m.lastNumber, m.lastHash = g.number, g.hash
		g.generation.last, g.generation.hash = g.number, g.hash
		m.takeIn(g)
	}
	m.askWitnesses()
	m.settleDamage()
}

// links are the hashes that later groups and the marks of closed generations name: what they name was synced.
func links(groups []foundGroup) map[uint64]bool {
	linked := map[uint64]bool{}
	for i := range groups {
		if groups[i].mark != nil {
			linked[groups[i].hash] = true
		} else {
			linked[groups[i].previous] = true
		}
	}
	return linked
}

// dropped is the group that the oldest one must link to: the last one of what was dropped, as the newest word of the
// chain says, or none.
func dropped(groups []foundGroup) (number, hash uint64) {
	for i := range groups {
		for _, c := range groups[i].changes {
			if c.kind == kindDropped && len(c.value) == 16 {
				number, hash = binary.LittleEndian.Uint64(c.value), binary.LittleEndian.Uint64(c.value[8:])
			}
		}
	}
	first := slices.IndexFunc(groups, func(g foundGroup) bool { return g.mark == nil }) // a generation may be closed without any
	if first >= 0 && groups[first].number <= number {
		return groups[first].number - 1, groups[first].previous // the crash came before it was gone
	}
	return number, hash
}

func encodeDropped(g *generation) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, g.last), g.hash)
}

// end takes in the mark of a generation that was closed: what it reached to must have been found.
func (m *image) end(g *foundGroup, before *generation) {
	if g.mark.Groups == 0 {
		return
	}
	if m.lastNumber < g.number {
		m.hole(m.lastNumber+1, g.number, g.generation, before)
	}
	for _, e := range g.mark.Heads {
		stream, err := buffer.ParseStreamID(e.Stream)
		if err != nil {
			continue
		}
		if h, err := decodeHead(e.Head); err == nil {
			m.account(buffer.LaneID{Stream: stream, Number: e.Lane}, h, nil, g.generation)
		}
	}
	if m.lastNumber < g.number {
		m.lastNumber, m.lastHash = g.number, g.hash
	}
	g.generation.last, g.generation.hash = g.number, g.hash
}

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

func (m *image) takeIn(g *foundGroup) {
	byLane := map[buffer.LaneID][]buffer.Header{}
	for _, data := range g.blocks {
		h := buffer.PeekHeader(data)
		byLane[h.Lane] = append(byLane[h.Lane], h)
		if !slices.Contains(g.missing, h) {
			m.addBlock(h, g.generation)
		}
	}
	for _, h := range g.missing {
		if m.blocks[h.Lane][h.First] == nil {
			m.addAbsent(h.Lane, buffer.Damage{From: h.First, To: h.Last(), Records: int64(h.Count), Reason: "the block is damaged", Generation: g.generation.id})
		}
	}
	for _, c := range g.changes {
		if c.kind == kindHead && !c.deleted {
			if h, err := decodeHead(c.value); err == nil {
				m.account(c.lane, h, byLane[c.lane], g.generation)
			}
		}
		if c.kind == kindKeys {
			m.takeInKeys(g, c.value)
			continue
		}
		if c.deleted {
			m.state.remove(c.stateKey)
			continue
		}
		if m.falls(&c) {
			continue
		}
		m.state.put(c.stateKey, stored{c.value, g.generation})
	}
}

// falls reports whether a change takes a cursor back. Older versions wrote such, where two tracks of a stream committed at one
// moment: what lies below the higher cursor is settled, and its manifests are gone.
func (m *image) falls(c *change) bool {
	if c.kind != kindCursor {
		return false
	}
	to, err := decodeCursor(c.value)
	from, none := decodeCursor(m.state.get(c.stateKey).value)
	return err == nil && none == nil && to < from
}

func (m *image) addBlock(h buffer.Header, g *generation) {
	lane := m.blocks[h.Lane]
	if lane == nil {
		lane = map[buffer.Seq]*ref{}
		m.blocks[h.Lane] = lane
	}
	lane[h.First] = &ref{first: h.First, count: h.Count, raw: h.RawLen, stored: buffer.HeaderSize + h.StoredLen, arrival: h.Arrival.UnixMilli(), generation: g}
}

func (m *image) addAbsent(lane buffer.LaneID, d buffer.Damage) {
	if m.absent[lane] == nil {
		m.absent[lane] = map[buffer.Seq]buffer.Damage{}
	}
	m.absent[lane][d.From] = d
}

// account compares a lane's head with the one before. Heads count every record, so that a record that no block in between
// accounts for is lost. A sequence that was never acknowledged leaves no such difference.
func (m *image) account(lane buffer.LaneID, h head, blocks []buffer.Header, g *generation) {
	last, known := m.heads[lane]
	first, records := h.next, int64(0)
	for _, b := range blocks {
		if b.First >= last.next { // else it is an old block, written anew
			first, records = min(first, b.First), records+int64(b.Count)
		}
	}
	lost := h.accepted - records - last.accepted
	if !known {
		last.next = 1
		if !m.holed { // what came before was settled and dropped
			lost = 0
		}
	}
	if lost > 0 && first > last.next {
		m.gaps[lane] = append(m.gaps[lane], buffer.Damage{From: last.next, To: first - 1, Records: min(lost, int64(first-last.next)), Reason: "the group is lost", Generation: g.id})
	}
	m.heads[lane] = h
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
		for _, b := range w.blocks {
			m.loseNamed(b, w.generation)
		}
	}
}

// loseNamed takes a block as lost of which only the name is left.
func (m *image) loseNamed(b namedBlock, g *generation) {
	m.addAbsent(b.lane, buffer.Damage{From: b.first, To: b.last(), Records: int64(b.count), Reason: "the group is lost", Generation: g.id})
	h := m.heads[b.lane]
	m.heads[b.lane] = head{next: max(h.next, b.last()+1), accepted: h.accepted + int64(b.count), bytes: h.bytes}
}

// settleDamage sorts what is lost into what was known and what is new, leaves out what was settled, and takes everything
// that is quarantined off the index, also where its bytes have come back.
func (m *image) settleDamage() {
	for key, s := range m.state.all() {
		if key.kind != kindDamage {
			continue
		}
		var d buffer.Damage
		if json.Unmarshal(s.value, &d) == nil {
			m.known[key.lane] = append(m.known[key.lane], d)
		}
	}
	lanes := map[buffer.LaneID]bool{}
	for lane := range m.absent {
		lanes[lane] = true
	}
	for lane := range m.gaps {
		lanes[lane] = true
	}
	for lane := range lanes {
		cursor, _ := decodeCursor(m.state.get(stateKey{kindCursor, lane, ""}).value)
		known := disjoint(spansOf(m.known[lane]))
		for _, d := range m.missingOf(lane) {
			if d, pending := above(d, cursor); pending {
				m.lost[lane] = append(m.lost[lane], carve(d, known)...) // no record counts as lost twice
			}
		}
	}
	for lane, lost := range m.lost {
		if lane == logLane {
			lost = slices.DeleteFunc(lost, func(d buffer.Damage) bool { return overlaps(m.known[lane], d.From, d.To) })
		}
		m.lost[lane] = merge(lost)
	}
	for lane, blocks := range m.blocks {
		for first, r := range blocks {
			if overlaps(m.known[lane], r.first, r.last()) {
				delete(blocks, first)
			}
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
