package badgerlog

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hydrant/buffer"
)

// send puts a batch into the group that is forming, unless it is known.
func (p *paper) send(b *paperBatch) {
	in, repeats, err := p.enter(b.Batch, len(b.Records), nil, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	c := b.copy
	switch known := c != nil && !b.Key.ID.IsZero(); {
	case repeats && !known:
		p.t.Fatalf("a batch that nothing holds is answered with %+v", in.receipt)
	case repeats && in.receipt != c.receipt:
		p.t.Fatalf("a repetition is answered with %+v, the first was with %+v", in.receipt, c.receipt)
	case !repeats && known && p.age-c.at < buffer.DefaultWindow.Age:
		p.t.Fatalf("a batch that was stored %v ago under its key is stored again", p.age-c.at)
	case !repeats:
		p.group.copies = append(p.group.copies, &paperCopy{b, in.receipt, p.age})
	}
}

// batch is a new one.
func (p *paper) batch(lane *paperLane, records int, keyed bool) *paperBatch {
	b := &paperBatch{lane: lane, Batch: buffer.Batch{Stream: lane.id}}
	for i := range records {
		b.Records = append(b.Records, fmt.Appendf(nil, "%d-%d", len(p.batches), i))
	}
	if keyed {
		b.Key = buffer.Key{ID: buffer.KeyID{1, byte(len(p.batches))}, Payload: uint64(len(p.batches))}
	}
	p.batches = append(p.batches, b)
	return b
}

// repeatable are the batches with a key that the group under way does not hold.
func (p *paper) repeatable() []*paperBatch {
	forming := func(b *paperBatch) bool {
		return slices.ContainsFunc(p.group.copies, func(c *paperCopy) bool { return c.paperBatch == b })
	}
	return slices.DeleteFunc(slices.Clone(p.batches), func(b *paperBatch) bool { return b.Key.ID.IsZero() || forming(b) })
}

// settle moves a lane's cursor, and leaves an entry of state beside it.
func (p *paper) settle(lane *paperLane, cursor buffer.Seq, put string) {
	l := p.Log.lanes[lane.id]
	c := buffer.Change{Cursor: cursor}
	key := stateKey{kindEntry, l.id, put}
	if value, there := p.group.state[key]; there && value != "" || !there && p.state[key] != "" {
		c.Delete = []string{put}
		p.group.state[key] = ""
	} else {
		value := fmt.Sprint(cursor)
		c.Put = []buffer.Entry{{Key: put, Value: []byte(value)}}
		p.group.state[key] = value
	}
	p.add(l.change(c, 0))
	p.group.cursors[lane] = max(cursor, lane.cursor, p.group.cursors[lane])
}

// dropOldest gives the oldest generation back if it is time, a crash between any two steps included.
func (p *paper) dropOldest(fates func() fate) {
	oldest := p.oldestSettled()
	if p.mutant.greedy {
		oldest = p.oldestIdle()
	}
	if oldest == nil {
		return
	}
	for link := oldest.last > 0; (link || p.holdsState(oldest)) && !p.mutant.careless; link = false {
		p.add(carry(oldest, link && !p.mutant.unlinked))
		if !p.commit(fates()) {
			return
		}
	}
	p.leaveOldest()
	p.sheets = slices.DeleteFunc(p.sheets, func(s *sheet) bool { return s.generation == oldest })
}

// rewrite moves what is live in the oldest generation, whether or not that is worth it.
func (p *paper) rewrite(f fate) {
	oldest := p.oldestIdle()
	if oldest == nil {
		return
	}
	var moves []*move
	for lane := range p.allLanes() {
		for _, m := range lane.blocksIn(oldest) {
			m.data = p.block(lane, m.from)
			moves = append(moves, m)
		}
	}
	p.add(func(g *group) error { g.moves = moves; return nil })
	p.commit(f)
}

// livePaper is one history.
func livePaper(t *rapid.T, m paperMutant) {
	p := newPaper(t, m)
	fates := rapid.SampledFrom([]fate{wrote, wrote, wrote, wrote, wrote, failed, diedBefore, diedTorn, diedBehind})
	for range rapid.IntRange(2, 24).Draw(t, "steps") {
		lane := rapid.SampledFrom(p.lanes).Draw(t, "lane")
		switch rapid.SampledFrom([]string{"send", "send", "send", "repeat", "settle", "settle", "commit", "commit", "commit", "leave", "drop", "rewrite", "wait", "kill"}).Draw(t, "step") {
		case "send":
			p.send(p.batch(lane, rapid.IntRange(1, 3).Draw(t, "records"), rapid.Bool().Draw(t, "keyed")))
		case "repeat":
			if sent := p.repeatable(); len(sent) > 0 {
				p.send(rapid.SampledFrom(sent).Draw(t, "batch"))
			}
		case "settle":
			if last := p.Log.lanes[lane.id].books.next - 1; last > lane.cursor {
				p.settle(lane, buffer.Seq(rapid.IntRange(int(lane.cursor)+1, int(last)).Draw(t, "cursor")), rapid.SampledFrom([]string{"x", "y"}).Draw(t, "entry"))
			}
		case "commit":
			p.commit(fates.Draw(t, "fate"))
		case "leave":
			p.add(func(g *group) error { g.carry, g.leave = p.Log.current, true; return nil })
			p.commit(fates.Draw(t, "fate"))
		case "drop":
			p.dropOldest(func() fate { return fates.Draw(t, "fate") })
		case "rewrite":
			p.rewrite(fates.Draw(t, "fate"))
		case "wait":
			p.age += time.Duration(rapid.IntRange(1, 6).Draw(t, "minutes")) * time.Minute
		case "kill":
			p.dead = true
		}
		if p.dead {
			p.restart()
		}
	}
	p.commit(wrote)
	p.check()
	p.restart()
}

// Whatever is sent, settled, rewritten and dropped, and wherever the process dies or a sync fails: what was acknowledged is
// there, under its sequence, until it is settled; of a group that was not there is all or nothing; what is repeated under its
// key within the window is stored once; no sequence is given twice; and nothing is called damaged.
func TestPaperLog(t *testing.T) {
	for _, half := range []string{"one", "two"} { // a processor each
		t.Run(half, func(t *testing.T) {
			t.Parallel()
			began, histories := time.Now(), 0
			rapid.Check(t, func(rt *rapid.T) {
				histories++
				livePaper(rt, paperMutant{})
			})
			t.Logf("%d histories, %.0f a second", histories, float64(histories)/time.Since(began).Seconds())
		})
	}
}

// paperMutant spoils one decision on its way.
type paperMutant struct {
	record func(*paper, *group, *groupRecord) // as it is written
	value  func(*group, value) bool           // which are not written
	found  func([]foundGroup)                 // as a start finds them
	image  func(*image)                       // as a start builds it

	early    bool // acknowledged before the sync
	greedy   bool // a generation is dropped although it is needed
	careless bool // and what only it knows is not written anew
	unlinked bool // and not where the chain begins then
}

// lacks is a mutant that does not write changes of state down.
func lacks(drop func(*group, *change) bool) paperMutant {
	return paperMutant{record: func(_ *paper, g *group, r *groupRecord) {
		r.changes = slices.DeleteFunc(r.changes, func(c change) bool { return drop(g, &c) })
	}}
}

var paperMutants = map[string]paperMutant{
	"acknowledged before the sync":         {early: true},
	"dropped before it is settled":         {greedy: true},
	"dropped with the state in it":         {careless: true},
	"dropped without a word":               {unlinked: true},
	"a cursor not written":                 lacks(func(_ *group, c *change) bool { return c.kind == kindCursor }),
	"a head not written":                   lacks(func(_ *group, c *change) bool { return c.kind == kindHead }),
	"keys not written":                     lacks(func(g *group, c *change) bool { return c.kind == kindKeys && g.carry == nil }),
	"keys not written anew":                lacks(func(g *group, c *change) bool { return c.kind == kindKeys && g.carry != nil }),
	"state not written anew":               lacks(func(g *group, c *change) bool { return g.carry != nil && c.kind == kindEntry }),
	"a deletion not written":               lacks(func(_ *group, c *change) bool { return c.deleted }),
	"a group not linked to the one before": {record: func(_ *paper, _ *group, r *groupRecord) { r.previous++ }},
	"a block moved in the index alone": {value: func(g *group, v value) bool {
		return slices.ContainsFunc(g.moves, func(m *move) bool { return v.key[0] == 'b' && &m.data[0] == &v.data[0] })
	}},
	"a torn group taken for whole": {found: func(groups []foundGroup) {
		for i := range groups {
			groups[i].missing = nil
		}
	}},
	"sequences not kept from what is torn": {image: func(m *image) { clear(m.named) }},
	"keys forgotten at a start":            {image: func(m *image) { clear(m.keys) }},
	"numbers begin anew":                   {image: func(m *image) { m.highest = 0 }},
	"the chain begins anew":                {image: func(m *image) { m.lastHash = 0 }},
	"the clock goes on too late":           {image: func(m *image) { m.clock += buffer.DefaultWindow.Age.Milliseconds() }},
	"the older copy wins": {image: func(m *image) {
		for _, blocks := range m.blocks {
			for _, r := range blocks {
				r.generation = m.gens[0]
			}
		}
	}},
}

// What the model cannot tell from the product proves nothing about it: each mutant is found, and soon.
func TestPaperLogFindsMutants(t *testing.T) {
	const most = 10_000 // histories
	for name, m := range paperMutants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range most {
				var found any
				rapid.Custom(func(rt *rapid.T) bool {
					defer func() { found = recover() }() // rapid would draw another history
					livePaper(rt, m)
					return true
				}).Example(seed)
				if found != nil {
					t.Logf("found by history %d: %v", seed, found)
					return
				}
			}
			t.Errorf("not found in %d histories", most)
		})
	}
}

// A generation that was closed without a group is not where the chain begins.
func TestChainBeginsBehindAnEmptyGeneration(t *testing.T) {
	first, empty, current := &generation{id: 1, reach: reach{last: 1, hash: 11}}, &generation{id: 2}, &generation{id: 3}
	m := newImage()
	m.follow([]foundGroup{
		{groupRecord: &groupRecord{number: 1}, hash: 11, generation: first},
		endOf(empty, &mark{}),
		{groupRecord: &groupRecord{number: 2, previous: 11, changes: []change{{
			stateKey: stateKey{kindDropped, logLane, ""}, value: encodeDropped(first), // and then the process died
		}}}, hash: 12, generation: current},
	})
	if len(m.lost) > 0 || m.lastNumber != 2 {
		t.Errorf("lost are %v, and group %d is the last", m.lost, m.lastNumber)
	}
}

// Two tracks of a stream commit side by side: the cursor stays where the one that came further has left it.
func TestCursorDoesNotFall(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := openRig(t, Config{Dir: dir})
	for i := range 3 {
		r.mustAdd(fmt.Sprint(i))
	}
	commit := func(cursors ...buffer.Seq) {
		t.Helper()
		err := r.submit(t.Context(), func(g *group) error {
			for _, c := range cursors {
				if err := r.lane.(*lane).change(buffer.Change{Cursor: c}, 0)(g); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	commit(2, 1)
	again := openRig(t, Config{Dir: copyDir(t, dir)})
	again.id, again.lane = r.id, again.lanes[r.id]
	if info := again.lane.Info(); info.Cursor != 2 {
		t.Errorf("after a crash the cursor is %d, want 2", info.Cursor)
	}
}

// Older versions wrote cursors that fall: in one group, or in two. The highest is in force all the same.
func TestFallenCursorIsNotTaken(t *testing.T) {
	id := buffer.LaneID{Stream: buffer.StreamID{1}}
	cursor := func(to buffer.Seq) change {
		return change{stateKey: stateKey{kindCursor, id, ""}, value: encodeCursor(to)}
	}
	m, g := newImage(), &generation{id: 1}
	m.follow([]foundGroup{
		{groupRecord: &groupRecord{number: 1, changes: []change{cursor(1)}}, hash: 11, generation: g},
		{groupRecord: &groupRecord{number: 2, previous: 11, changes: []change{cursor(3), cursor(2)}}, hash: 12, generation: g},
		{groupRecord: &groupRecord{number: 3, previous: 12, changes: []change{cursor(1)}}, hash: 13, generation: g},
	})
	if got, err := decodeCursor(m.state.get(cursor(0).stateKey).value); err != nil || got != 3 {
		t.Errorf("the cursor is %d, %v, want 3", got, err)
	}
}

// Older versions wrote heads that fall, behind damage.
func TestFallenHeadIsNotTaken(t *testing.T) {
	id := buffer.LaneID{Stream: buffer.StreamID{1}}
	m, g := newImage(), &generation{id: 1}
	for _, h := range []head{{next: 5, accepted: 4}, {next: 10, accepted: 9}, {next: 5, accepted: 4}} {
		m.account(id, h, nil, g)
	}
	if got := m.heads[id]; got != (head{next: 10, accepted: 9}) {
		t.Errorf("the head is %+v", got)
	}
}

// Of what the write-ahead log alone names, blocks that were written anew were counted before.
func TestNamedBlocksAreCountedOnce(t *testing.T) {
	id := buffer.LaneID{Stream: buffer.StreamID{1}}
	m, g := newImage(), &generation{id: 1}
	m.heads[id] = head{next: 10, accepted: 9}
	m.witnesses = []namedGroup{
		{number: 5, blocks: []namedBlock{{id, 12, 3}, {id, 3, 2}, {id, 10, 2}}, generation: g}, // in no order
		{number: 6, generation: g},
	}
	m.askWitnesses()
	if got := m.heads[id]; got != (head{next: 15, accepted: 14}) {
		t.Errorf("the head is %+v", got)
	}
}
