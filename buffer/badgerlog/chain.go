package badgerlog

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

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
