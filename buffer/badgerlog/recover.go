package badgerlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"hydrant/buffer"
	"hydrant/buffer/checked"
)

// image is a log as it lies on disk. Loading one changes nothing there.
type image struct {
	gens       []*generation // oldest first, none of them writable
	state      stateTable
	blocks     map[buffer.LaneID]map[buffer.Seq]*ref // of the chain's groups; the newest copy of each
	named      map[buffer.LaneID]buffer.Seq          // the highest sequence that anything at all names
	highest    uint64                                // group number that anything names
	lastNumber uint64                                // of the chain
	lastHash   uint64
	lastID     uint64 // of a generation
	witnesses  []namedGroup
	holed      bool // groups are lost

	heads    map[buffer.LaneID]head                         // where each lane stands at the end of the chain
	absent   map[buffer.LaneID]map[buffer.Seq]buffer.Damage // blocks that were damaged somewhere; a copy may be whole
	gaps     map[buffer.LaneID][]buffer.Damage              // records that heads count and their groups do not show
	past     map[buffer.LaneID]buffer.Damage                // what heads count from before the first one there is: settled, where no group is lost
	lost     map[buffer.LaneID][]buffer.Damage              // acknowledged and not known as lost before
	known    map[buffer.LaneID][]buffer.Damage              // known as lost before
	notes    []string                                       // what was probably never acknowledged
	repaired []string                                       // what was damaged and read all the same

	keys  map[buffer.KeyID]keyEntry
	clock int64 // the highest that any keys name
}

// logLane is where damage is kept that belongs to no lane: its range are groups.
var logLane buffer.LaneID

// load reads every generation below dir, follows the chain of groups and builds what it says. It tells after each how many
// of how many it has read.
func load(dir string, tell func(read, of int)) (*image, error) {
	m := newImage()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool {
		id, ok := parseGeneration(e.Name())
		m.lastID = max(m.lastID, id) // also of a file that somebody laid there: its name is taken
		return !ok || !e.IsDir()
	})
	var groups []foundGroup
	for i, e := range entries {
		id, _ := parseGeneration(e.Name())
		g := &generation{id: id, dir: filepath.Join(dir, e.Name())}
		found, err := m.loadGeneration(g)
		if err != nil {
			return nil, errors.Join(err, m.release())
		}
		groups = append(groups, found...)
		tell(i+1, len(entries))
	}
	m.follow(groups)
	return m, nil
}

func newImage() *image {
	return &image{
		state:  stateTable{},
		blocks: map[buffer.LaneID]map[buffer.Seq]*ref{},
		named:  map[buffer.LaneID]buffer.Seq{},
		keys:   map[buffer.KeyID]keyEntry{},
		heads:  map[buffer.LaneID]head{},
		absent: map[buffer.LaneID]map[buffer.Seq]buffer.Damage{},
		gaps:   map[buffer.LaneID][]buffer.Damage{},
		past:   map[buffer.LaneID]buffer.Damage{},
		lost:   map[buffer.LaneID][]buffer.Damage{},
		known:  map[buffer.LaneID][]buffer.Damage{},
	}
}

// loadGeneration adds a generation to the image and returns its groups.
func (m *image) loadGeneration(g *generation) ([]foundGroup, error) {
	m.gens = append(m.gens, g)
	g.allocated.Store(diskUsage(g.dir))
	var seal mark
	err := checked.Read(filepath.Join(g.dir, sealedName), &seal)
	if errors.Is(err, os.ErrNotExist) {
		return m.loadUnclosed(g)
	}
	if err != nil {
		m.repair(g, err)
		return m.loadUnclosed(g)
	}
	groups, err := loadSealed(g, &seal)
	if err != nil {
		m.repair(g, err)
		if groups, err = m.loadUnclosed(g); err != nil {
			return nil, err
		}
	}
	return append(groups, endOf(g, &seal)), nil
}

// endOf stands for the end of a generation that was closed.
func endOf(g *generation, seal *mark) foundGroup {
	return foundGroup{groupRecord: &groupRecord{number: seal.Last}, hash: seal.Hash, generation: g, mark: seal}
}

// repair notes that a generation has to be read value by value.
func (m *image) repair(g *generation, cause error) {
	m.repaired = append(m.repaired, fmt.Sprintf("generation %d was closed in good order, but %v: it is read value by value", g.id, cause))
}

// loadUnclosed finds what is whole in a generation that was never closed: the last one before a crash, or one that was
// being closed then; or in one that Badger cannot be trusted with. Nothing in it is changed.
func (m *image) loadUnclosed(g *generation) ([]foundGroup, error) {
	witnesses, err := namedGroups(g)
	if err != nil {
		return nil, err
	}
	m.witnesses = append(m.witnesses, witnesses...)
	found, err := g.readByValue()
	if err != nil {
		return nil, fmt.Errorf("read generation %d: %w", g.id, err)
	}
	return m.takeStock(g, found), nil
}

// takeStock says of each group that was found in a generation which of its blocks are not there.
func (m *image) takeStock(g *generation, found *scanned) []foundGroup {
	whole := map[string]buffer.Header{}
	for _, h := range found.blocks {
		m.name(h.Lane, h.Last())
		whole[blockKey(h.Lane, h.First, h.Count)] = h
	}
	for i := range found.groups {
		found.groups[i].generation = g
		found.groups[i].missing = missing(&found.groups[i], whole)
	}
	return found.groups
}

// readByValue finds the values of a generation in its value log, and reads them from there from now on.
func (g *generation) readByValue() (*scanned, error) {
	found := &scanned{values: map[string]extent{}}
	f, err := os.Open(filepath.Join(g.dir, vlogName))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err == nil { // else it is lost, or the crash came while it was being made: the chain tells
		if _, err := os.Stat(filepath.Join(g.dir, failedName)); err == nil {
			dropPages(f)
		}
		info, err := f.Stat()
		if err == nil {
			found, err = scan(&patient{ReaderAt: f}, info.Size(), func(at int64) int64 { return nextData(f, at) })
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		g.file = f
	}
	g.state, g.values = unclosed, found.values
	return found, nil
}

// sync makes durable what was found in generations that were not closed. A process that was killed before a sync leaves its
// group in the page cache alone, and from now on this one answers for it.
func (m *image) sync() error {
	for _, g := range m.gens {
		if g.file == nil {
			continue
		}
		if err := g.file.Sync(); err != nil {
			return fmt.Errorf("sync what the last process left in %s: %w", g.dir, err)
		}
	}
	return nil
}

// missing are the blocks that a group lists and that are not there as listed.
func missing(g *foundGroup, whole map[string]buffer.Header) []buffer.Header {
	var out []buffer.Header
	for _, data := range g.blocks {
		h := buffer.PeekHeader(data)
		if whole[blockKey(h.Lane, h.First, h.Count)] != h {
			out = append(out, h)
		}
	}
	return out
}

func (m *image) name(lane buffer.LaneID, last buffer.Seq) {
	m.named[lane] = max(m.named[lane], last)
}

func (m *image) release() error {
	var errs []error
	for _, g := range m.gens {
		errs = append(errs, g.release())
	}
	return errors.Join(errs...)
}
