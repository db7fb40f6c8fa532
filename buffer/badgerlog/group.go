package badgerlog

import "hydrant/buffer"

// group gathers what the next sync will commit. Until the committer takes it, it is guarded by Log.mu; from then on it
// is the committer's alone, until done is closed.
type group struct {
	parts   []*part // one a lane, in the order of arrival
	changes []change
	lanes   []*lane     // made by this group
	moves   []*move     // blocks of an old generation, written anew
	carry   *generation // whose live state this group writes anew
	leave   bool        // for a new generation, whether or not this one is full
	news    bool        // it is there for what the start found
	bytes   int         // of records
	records int
	batches int

	keys    []keyEntry // of the batches that have one
	carried section    // keys of carry's, written anew
	clock   int64      // of the keys, when the group was packed

	done chan struct{} // closed when err is final
	err  error         // of a group that is not committed yet: it will not be

	first struct { // memory for one lane, which is all that most groups need
		part  part
		parts [1]*part
	}
}

func newGroup() *group { return &group{done: make(chan struct{})} }

func (g *group) empty() bool {
	return len(g.parts) == 0 && len(g.changes) == 0 && len(g.moves) == 0 && g.carry == nil && !g.news
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

// of is what a lane has in the group.
func (g *group) of(l *lane) (records int, bytes int64) {
	for _, p := range g.parts {
		if p.lane == l {
			return p.records, p.bytes
		}
	}
	return 0, 0
}
