package badgerlog

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"hydrant/buffer"
)

// paper is the log without a disk, a clock or a goroutine: what it decides is the product's own, and what would lie on the
// disk is kept on paper, with what a crash leaves of it. A history takes a fraction of a millisecond.
type paper struct {
	*Log
	t      *rapid.T
	mutant paperMutant
	sheets []*sheet      // the generations on disk, oldest first
	age    time.Duration // of the log, in all its lives
	opened time.Duration // of this life
	dead   bool

	haunted bool // the last group is torn, and named

	lanes   []*paperLane
	batches []*paperBatch
	state   map[stateKey]string // of lanes' own entries
	group   *pending
}

// sheet is a generation as it lies on disk.
type sheet struct {
	*generation
	values []value
	seal   *mark // set once it was closed
	named  []namedGroup
}

// paperLane is what a lane must be.
type paperLane struct {
	id      buffer.StreamID
	records map[buffer.Seq]string // that were acknowledged, or found after a crash
	cursor  buffer.Seq
}

// paperBatch is one that was sent. Sent anew, it stays what it was until the group that stores it again is there: of that
// group a crash may leave nothing, and a repetition is answered with the receipt of the copy before it.
type paperBatch struct {
	buffer.Batch
	lane *paperLane
	copy *paperCopy // that was acknowledged, or found after a crash; nil for none
}

// paperCopy is a batch in a group.
type paperCopy struct {
	*paperBatch
	receipt buffer.Receipt
	at      time.Duration
}

// pending is what the group under way will have done when it is acknowledged. A crash leaves all of it or nothing.
type pending struct {
	copies  []*paperCopy
	cursors map[*paperLane]buffer.Seq
	state   map[stateKey]string
}

func newPending() *pending {
	return &pending{cursors: map[*paperLane]buffer.Seq{}, state: map[stateKey]string{}}
}

func newPaper(t *rapid.T, m paperMutant) *paper {
	p := &paper{t: t, mutant: m, state: map[stateKey]string{}}
	p.open()
	for _, name := range []string{"a", "b"} {
		lane := &paperLane{id: buffer.StreamID{name[0]}, records: map[buffer.Seq]string{}}
		p.lanes = append(p.lanes, lane)
		var v version
		p.add(p.definition(buffer.Definition{Stream: lane.id, Name: name, Logic: 1}, &v))
	}
	p.commit(wrote)
	return p
}

// add puts something into the group that is forming.
func (p *paper) add(fill func(*group) error) {
	if _, err := p.Log.add(fill); err != nil {
		p.t.Fatal(err)
	}
}

// open begins a life on what lies on the disk.
func (p *paper) open() {
	cfg := Config{elapsed: func() time.Duration { return p.age - p.opened }}
	if err := cfg.setDefaults(); err != nil {
		p.t.Fatal(err)
	}
	p.opened, p.dead, p.group = p.age, false, newPending()
	p.Log = newLog(cfg, nil)
	m := newImage()
	var groups []foundGroup
	for _, s := range p.sheets {
		s.generation = &generation{id: s.id, state: unclosed}
		m.gens, m.lastID = append(m.gens, s.generation), s.id
		groups = append(groups, p.read(m, s)...)
	}
	m.follow(groups)
	if p.mutant.image != nil {
		p.mutant.image(m)
	}
	for lane, damage := range m.lost {
		p.t.Fatalf("nothing was damaged, and of lane %v are lost %v", lane, damage)
	}
	p.adopt(m)
	p.resume(m, nil)
	p.next()
}

// read is what a start finds in a generation.
func (p *paper) read(m *image, s *sheet) []foundGroup {
	found := &scanned{}
	seen := map[uint64]bool{}
	for _, v := range s.values {
		if v.key[0] == 'b' {
			h, err := buffer.ParseHeader(v.data)
			if err != nil {
				p.t.Fatal(err)
			}
			found.blocks = append(found.blocks, h)
			continue
		}
		record, err := decodeGroup(v.data)
		if err != nil {
			p.t.Fatal(err)
		}
		if hash := hashGroup(v.data); !seen[hash] {
			seen[hash] = true
			found.groups = append(found.groups, foundGroup{groupRecord: record, hash: hash})
		}
	}
	groups := m.takeStock(s.generation, found)
	if p.mutant.found != nil {
		p.mutant.found(groups)
	}
	if s.seal == nil {
		m.witnesses = append(m.witnesses, s.witnesses()...)
		return groups
	}
	return append(groups, endOf(s.generation, s.seal))
}

// witnesses are the groups that the generation's write-ahead log names.
func (s *sheet) witnesses() []namedGroup {
	for i := range s.named {
		s.named[i].generation = s.generation
	}
	return s.named
}

// next goes on in a new generation.
func (p *paper) next() {
	g := &generation{id: p.nextID(), space: space{capacity: maxCapacity, slots: slotsFor(maxCapacity)}}
	g.allocated.Store(1 << 20)
	old := p.Log.current
	p.committer.goOn(g)
	p.sheets = append(p.sheets, &sheet{generation: g})
	if old == nil || old.state != writing {
		return
	}
	old.set(sealed)
	end := old.end()
	p.sheetOf(old).seal = &end
}

func (p *paper) sheetOf(g *generation) *sheet {
	for _, s := range p.sheets {
		if s.generation == g {
			return s
		}
	}
	p.t.Fatalf("generation %d is read and is not there any more", g.id)
	return nil
}

// fate is how a group's write ends.
type fate int

const (
	wrote  fate = iota
	failed      // the first time; then it goes to a new generation
	diedBefore
	diedTorn   // with some of its values
	diedBehind // synced, and nobody told
)

// commit writes the group that is forming, and reports whether the process lives.
func (p *paper) commit(f fate) bool {
	g := p.forming
	if g.empty() {
		return true
	}
	p.forming = newGroup()
	c := &p.committer
	record, data, _ := c.prepare(g)
	defer c.forget()
	if p.mutant.record != nil { // spoilt as it is written
		p.mutant.record(p, g, record)
		data = record.encode(&c.memory)
		c.values, c.keys = c.values[:0], c.keys[:0]
		c.arrange(g, record.number, data)
	}
	if g.leave {
		p.next()
	}
	if f == failed {
		p.tear(g)
		p.Log.current.set(poisoned)
		p.next()
		f = wrote
	}
	switch f {
	case diedTorn:
		p.tear(g)
	case wrote, diedBehind:
		p.write(g, c.values)
		p.name(c.values)
	}
	if f == wrote {
		c.confirm(g, record, data)
		p.haunted = false
		p.Log.finish(g)
		p.settlePending(true)
		return true
	}
	p.dead = true
	if p.mutant.early {
		p.settlePending(true)
	}
	return false
}

// tear writes some of the group's values, and perhaps the names of all into the write-ahead log.
func (p *paper) tear(g *group) {
	values := slices.Clone(p.committer.values)
	if n := rapid.IntRange(0, len(values)).Draw(p.t, "lacking"); n < len(values) {
		values = slices.Delete(values, n, n+1)
	}
	p.write(g, values[:rapid.IntRange(0, len(values)).Draw(p.t, "written")])
	// Of two such groups in a row, of two lives, the first would be told as lost: rather that than silence.
	if !p.haunted && rapid.Bool().Draw(p.t, "named") {
		p.name(p.committer.values)
		p.haunted = true
	}
}

// write puts values on the disk.
func (p *paper) write(g *group, values []value) {
	s := p.sheetOf(p.Log.current)
	for _, v := range values {
		if p.mutant.value != nil && p.mutant.value(g, v) {
			continue
		}
		s.values = append(s.values, value{bytes.Clone(v.key), bytes.Clone(v.data)})
	}
}

// name has the write-ahead log name values.
func (p *paper) name(values []value) {
	s := p.sheetOf(p.Log.current)
	n := namedGroup{number: p.committer.number + 1}
	for _, v := range values {
		if v.key[0] == 'b' {
			h := buffer.PeekHeader(v.data)
			n.blocks = append(n.blocks, namedBlock{h.Lane, h.First, h.Count})
		}
	}
	s.named = append(s.named, n)
}

// named is the highest sequence of a lane that anything on the disk names.
func (p *paper) named(id buffer.LaneID) (highest buffer.Seq) {
	for _, s := range p.sheets {
		for _, v := range s.values {
			if v.key[0] != 'b' {
				continue
			}
			if h := buffer.PeekHeader(v.data); h.Lane == id {
				highest = max(highest, h.Last())
			}
		}
		if s.seal != nil {
			continue // its write-ahead log is not read
		}
		for _, n := range s.named {
			for _, b := range n.blocks {
				if b.lane == id {
					highest = max(highest, b.last())
				}
			}
		}
	}
	return highest
}

// settlePending makes what the group did part of what must be.
func (p *paper) settlePending(stored bool) {
	if stored {
		for _, c := range p.group.copies {
			c.copy = c
			for i, r := range c.Records {
				c.lane.records[c.receipt.First+buffer.Seq(i)] = string(r)
			}
		}
		for lane, cursor := range p.group.cursors {
			lane.cursor = cursor
		}
		for key, value := range p.group.state {
			if p.state[key] = value; value == "" {
				delete(p.state, key)
			}
		}
	}
	p.group = newPending()
}

// restart is a start after a crash. Of the group under way there is all or nothing.
func (p *paper) restart() {
	was := p.group
	p.open()
	p.group = was
	p.settlePending(p.holds(was))
	p.check()
}

// holds looks for the first thing that the group did.
func (p *paper) holds(was *pending) bool {
	for _, c := range was.copies {
		lane := p.Log.lanes[c.lane.id]
		return lane.find(c.receipt.First) < len(lane.refs) && lane.refs[lane.find(c.receipt.First)].first <= c.receipt.First
	}
	for lane, cursor := range was.cursors {
		return p.Log.lanes[lane.id].cursor == cursor
	}
	for key, value := range was.state {
		return string(p.Log.state.get(key).value) == value
	}
	return false
}

// check compares the log with what must be.
func (p *paper) check() {
	var b buffer.Block
	for _, want := range p.lanes {
		lane := p.Log.lanes[want.id]
		if lane == nil || len(lane.versions) != 1 {
			p.t.Fatalf("the definition of stream %s is lost", want.id)
		}
		if lane.cursor != want.cursor {
			p.t.Fatalf("stream %s: the cursor is %d, want %d", want.id, lane.cursor, want.cursor)
		}
		if named := p.named(lane.id); lane.next <= named {
			p.t.Fatalf("stream %s: record %d comes next, and %d is on disk", want.id, lane.next, named)
		}
		got := map[buffer.Seq]string{}
		for _, r := range lane.refs {
			if err := b.Decode(p.block(lane, r), noKeys{}); err != nil {
				p.t.Fatal(err)
			}
			for record := range b.Records() {
				if record.Seq > lane.cursor {
					got[record.Seq] = string(record.Data)
				}
			}
		}
		maps.DeleteFunc(want.records, func(seq buffer.Seq, _ string) bool { return seq <= want.cursor })
		if !maps.Equal(got, want.records) {
			p.t.Fatalf("stream %s holds %v, want %v", want.id, got, want.records)
		}
		if books := lane.books; books.accepted < int64(len(want.records)) {
			p.t.Fatalf("stream %s: %d records are accepted, %d are held", want.id, books.accepted, len(want.records))
		}
	}
	state := map[stateKey]string{}
	for key, s := range p.Log.state.all() {
		if key.kind == kindEntry {
			state[key] = string(s.value)
		}
	}
	if !maps.Equal(state, p.state) {
		p.t.Fatalf("the state is %v, want %v", state, p.state)
	}
}

// block is what lies on the disk in a block's place.
func (p *paper) block(lane *lane, r *ref) []byte {
	key := blockKey(lane.id, r.first, r.count)
	for _, v := range p.sheetOf(r.generation).values {
		if string(v.key) == key {
			return v.data
		}
	}
	p.t.Fatalf("%s is not in generation %d", fmt.Sprintf("records %d to %d of stream %s", r.first, r.last(), lane.name), r.generation.id)
	return nil
}
