package badgerlog

import (
	"cmp"
	"slices"

	"hydrant/buffer"
)

// adopt makes the image the log's own, and returns the damage that is news, with where its lanes stand.
func (l *Log) adopt(m *image) (news []change) {
	l.gens, l.state, l.supply.lastID = m.gens, m.state, m.lastID
	l.keys.restore(m.keys, m.clock)
	l.tellFound(m)
	l.adoptLanes(m)
	news = l.adoptDamage(m)
	l.goOnFrom(m)
	for id := range m.lost {
		if lane := l.lane(id); lane != nil {
			news = append(news, change{stateKey: lane.headKey(), value: lane.books.encode()})
		}
	}
	return news
}

func (l *Log) tellFound(m *image) {
	for _, sentence := range m.notes {
		l.cfg.Log.Warn("the buffer was not closed", "found", sentence)
	}
	for _, sentence := range m.repaired {
		l.cfg.Log.Error("the buffer is damaged", "damage", sentence)
	}
}

// adoptLanes makes the lanes that the state knows, sources before what is derived from them, and gives each its state and
// its blocks.
func (l *Log) adoptLanes(m *image) {
	for key, s := range m.state.all() {
		if key.kind == kindStream && !key.lane.IsDerived() {
			l.lanes[key.lane.Stream] = newLane(l, key.lane, string(s.value))
		}
	}
	for key := range m.state.all() {
		if key.kind == kindStream && key.lane.IsDerived() && l.lanes[key.lane.Stream] != nil {
			l.lanes[key.lane.Stream].derive()
		}
	}
	for key, s := range m.state.all() {
		if lane := l.lane(key.lane); lane != nil {
			if err := lane.restore(key, s.value); err != nil {
				l.cfg.Log.Error("the buffer is damaged", "stream", lane.name, "damage", err)
			}
		}
	}
	for id, blocks := range m.blocks {
		if lane := l.lane(id); lane != nil {
			lane.index(blocks)
		}
	}
}

// goOnFrom has each lane go on above all that anything names of it.
func (l *Log) goOnFrom(m *image) {
	for id, h := range m.heads {
		if lane := l.lane(id); lane != nil {
			lane.books = h
		}
	}
	for lane := range l.allLanes() {
		lane.books.next = max(lane.books.next, m.named[lane.id]+1, lane.cursor+1)
		l.correctHead(lane)
		lane.next = lane.books.next
		lane.coming = lane.lastVersion()
		lane.key = lane.coming.Key
	}
}

// correctHead makes where the lane stands its state, so that this is what is written anew: what tells it now, as the mark of a
// generation whose end is lost, is gone one day. A head that falls back gives sequences a second time.
func (l *Log) correctHead(lane *lane) {
	before := l.state.get(lane.headKey())
	if h, err := decodeHead(before.value); err == nil && h == lane.books || lane.books == (head{next: 1}) {
		return
	}
	if before.generation == nil { // it is lost
		before.generation = l.gens[0]
	}
	l.state.put(lane.headKey(), stored{lane.books.encode(), before.generation})
}

// restore takes in one piece of a lane's state.
func (l *lane) restore(key stateKey, value []byte) (err error) {
	switch key.kind {
	case kindHead:
		l.books, err = decodeHead(value)
	case kindCursor:
		l.cursor, err = decodeCursor(value)
	case kindVersion:
		l.setVersion(&change{stateKey: key, value: value})
	}
	return err
}

// index takes in the blocks above the cursor.
func (l *lane) index(blocks map[buffer.Seq]*ref) {
	for _, r := range blocks {
		if r.last() > l.cursor {
			l.take(r)
		}
	}
	slices.SortFunc(l.refs, func(a, b *ref) int { return cmp.Compare(a.first, b.first) })
}
