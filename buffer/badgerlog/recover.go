package badgerlog

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"hydrant/buffer"
)

// image is a log as it lies on disk. Loading one changes nothing there.
type image struct {
	gens       []*generation // oldest first, none of them writable
	state      map[stateKey]stored
	blocks     map[buffer.LaneID]map[buffer.Seq]*ref // of the chain's groups; the newest copy of each
	named      map[buffer.LaneID]buffer.Seq          // the highest sequence that anything at all names
	highest    uint64                                // group number that anything names
	linked     bool                                  // the two below are set
	lastNumber uint64                                // of the chain
	lastHash   uint64
	lastID     uint64   // of a generation
	damage     []string // what was acknowledged and is lost, a sentence each
	notes      []string // what was probably never acknowledged
}

// load reads every generation below dir, follows the chain of groups and builds what it says.
func load(dir string, log *slog.Logger) (*image, error) {
	m := &image{
		state:  map[stateKey]stored{},
		blocks: map[buffer.LaneID]map[buffer.Seq]*ref{},
		named:  map[buffer.LaneID]buffer.Seq{},
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var groups []foundGroup
	for _, e := range entries {
		id, ok := parseGeneration(e)
		if !ok {
			continue
		}
		m.lastID = max(m.lastID, id)
		g := &generation{id: id, dir: filepath.Join(dir, e.Name())}
		found, err := m.loadGeneration(g, log)
		if err != nil {
			return nil, errors.Join(err, m.release())
		}
		groups = append(groups, found...)
	}
	m.follow(groups)
	return m, nil
}

// loadGeneration adds a generation to the image and returns its groups.
func (m *image) loadGeneration(g *generation, log *slog.Logger) ([]foundGroup, error) {
	m.gens = append(m.gens, g)
	g.allocated.Store(diskUsage(g.dir))
	if _, err := os.Stat(filepath.Join(g.dir, sealedName)); err == nil {
		groups, err := loadSealed(g, log)
		if err == nil {
			return groups, nil
		}
		m.damaged("generation %d was closed in good order but does not open (%v): read value by value", g.id, err)
	}
	return m.loadUnclosed(g)
}

// loadSealed reads the group records of a generation that was closed.
func loadSealed(g *generation, log *slog.Logger) (groups []foundGroup, err error) {
	g.state = sealed
	if err := g.openToRead(log); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.closeReader()) }()
	err = g.db.View(func(txn *badger.Txn) error {
		o := badger.DefaultIteratorOptions
		o.Prefix, o.PrefetchValues = []byte{'g'}, false
		it := txn.NewIterator(o)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			data, err := it.Item().ValueCopy(nil)
			if err != nil {
				return err
			}
			record, err := decodeGroup(data)
			if err != nil {
				continue // the chain shows the hole
			}
			groups = append(groups, foundGroup{groupRecord: record, hash: hashGroup(data), generation: g, complete: true})
		}
		return nil
	})
	return groups, err
}

// loadUnclosed finds what is whole in a generation that was never closed: the last one before a crash, or one that was
// being closed then. Nothing in it is changed.
func (m *image) loadUnclosed(g *generation) ([]foundGroup, error) {
	g.state, g.values = unclosed, map[string]extent{}
	f, err := os.Open(filepath.Join(g.dir, vlogName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // the crash came while it was being made
	}
	if err != nil {
		return nil, err
	}
	g.file = f
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	found, err := scan(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("read generation %d: %w", g.id, err)
	}
	g.values = found.values
	whole := map[string]buffer.Header{}
	for _, h := range found.blocks {
		m.name(h)
		whole[blockKey(h.Lane, h.First)] = h
	}
	for i := range found.groups {
		found.groups[i].generation = g
		found.groups[i].complete = complete(&found.groups[i], whole)
	}
	return found.groups, nil
}

// complete reports whether every block that a group lists is there as listed.
func complete(g *foundGroup, whole map[string]buffer.Header) bool {
	for _, data := range g.blocks {
		h := buffer.PeekHeader(data)
		if whole[blockKey(h.Lane, h.First)] != h {
			return false
		}
	}
	return true
}

// follow walks the chain from its oldest link, and takes in every group that is whole. A group may lie in two
// generations, if the first one's disk failed: the newer wins.
func (m *image) follow(groups []foundGroup) {
	slices.SortStableFunc(groups, func(a, b foundGroup) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.generation.id, b.generation.id))
	})
	var torn []*foundGroup // since the last whole group
	for i := range groups {
		g := &groups[i]
		for _, data := range g.blocks {
			m.name(buffer.PeekHeader(data))
		}
		m.highest = max(m.highest, g.number)
		if i+1 < len(groups) && groups[i+1].number == g.number && groups[i+1].complete {
			continue
		}
		if !g.complete {
			torn = append(torn, g)
			continue
		}
		// A torn group that the next one does not link to was never acknowledged: the process that came after it
		// started from the group before.
		if m.linked && g.previous != m.lastHash {
			m.broken(g, torn)
		}
		torn = nil
		m.linked, m.lastNumber, m.lastHash = true, g.number, g.hash
		m.takeIn(g)
	}
	for _, g := range torn {
		m.notes = append(m.notes, fmt.Sprintf("group %d at the end is not whole: unacknowledged or lost: %s", g.number, ranges(g)))
	}
}

// broken tells of a hole in the chain before g.
func (m *image) broken(g *foundGroup, torn []*foundGroup) {
	if len(torn) == 0 {
		m.damaged("the chain is broken: what lay between groups %d and %d is lost", m.lastNumber, g.number)
	}
	for _, t := range torn {
		m.damaged("group %d is not whole: lost: %s", t.number, ranges(t))
	}
}

func ranges(g *foundGroup) string {
	var out []string
	for _, data := range g.blocks {
		h := buffer.PeekHeader(data)
		out = append(out, fmt.Sprintf("records %d to %d of stream %s", h.First, h.Last(), h.Lane.Stream))
	}
	if len(out) == 0 {
		return "changes of state"
	}
	return strings.Join(out, ", ")
}

func (m *image) takeIn(g *foundGroup) {
	for _, data := range g.blocks {
		h := buffer.PeekHeader(data)
		lane := m.blocks[h.Lane]
		if lane == nil {
			lane = map[buffer.Seq]*ref{}
			m.blocks[h.Lane] = lane
		}
		lane[h.First] = &ref{first: h.First, count: h.Count, raw: h.RawLen, stored: buffer.HeaderSize + h.StoredLen, arrival: h.Arrival.UnixMilli(), generation: g.generation}
	}
	for _, c := range g.changes {
		if c.deleted {
			delete(m.state, c.stateKey)
			continue
		}
		m.state[c.stateKey] = stored{c.value, g.generation}
	}
}

func (m *image) name(h buffer.Header) {
	m.named[h.Lane] = max(m.named[h.Lane], h.Last())
}

func (m *image) damaged(format string, a ...any) {
	m.damage = append(m.damage, fmt.Sprintf(format, a...))
}

func (m *image) release() error {
	var errs []error
	for _, g := range m.gens {
		errs = append(errs, g.release())
	}
	return errors.Join(errs...)
}

// adopt makes the image the log's own.
func (l *Log) adopt(m *image) {
	l.gens, l.state, l.lastID = m.gens, m.state, m.lastID
	for _, sentence := range m.notes {
		l.cfg.Log.Warn("the buffer was not closed", "found", sentence)
	}
	for _, sentence := range m.damage {
		l.cfg.Log.Error("the buffer is damaged", "damage", sentence)
		l.damaged.Add(1)
	}
	for key, s := range m.state {
		if key.kind == kindStream {
			l.lanes[key.lane.Stream] = newLane(l, key.lane, string(s.value))
		}
	}
	for key, s := range m.state {
		if lane := l.lanes[key.lane.Stream]; lane != nil {
			if err := lane.restore(key, s.value); err != nil {
				l.cfg.Log.Error("the buffer is damaged", "stream", lane.name, "damage", err)
				l.damaged.Add(1)
			}
		}
	}
	for id, blocks := range m.blocks {
		lane := l.lanes[id.Stream]
		if lane == nil {
			l.cfg.Log.Error("the buffer is damaged: blocks of a stream it does not know", "stream", id.Stream)
			l.damaged.Add(1)
			continue
		}
		lane.index(blocks)
	}
	for id, seq := range m.named {
		if lane := l.lanes[id.Stream]; lane != nil {
			lane.books.next = max(lane.books.next, seq+1)
		}
	}
	for _, lane := range l.lanes {
		lane.books.next = max(lane.books.next, lane.cursor+1)
		lane.next = lane.books.next
	}
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
		if r.last() <= l.cursor {
			continue
		}
		l.refs = append(l.refs, r)
		l.pending += int64(r.raw)
		l.stored.Add(int64(r.stored))
		r.generation.hold(r)
	}
	slices.SortFunc(l.refs, func(a, b *ref) int { return cmp.Compare(a.first, b.first) })
}
