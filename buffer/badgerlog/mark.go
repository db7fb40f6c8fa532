package badgerlog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/dgraph-io/badger/v4"

	"hydrant/buffer"
	"hydrant/buffer/checked"
)

// mark is what a generation that was closed in good order says about itself, synced: how far it reaches, and what Badger's
// files were. Badger ends the process on some damage of its own files, so that it is given them only as it left them.
type mark struct {
	Groups int               `json:"groups"` // records of groups
	Last   uint64            `json:"last"`   // number of the last group
	Hash   uint64            `json:"hash"`   // of its record
	Heads  []markHead        `json:"heads"`  // of the lanes that it wrote to, at its end
	Files  map[string]string `json:"files"`  // size and XXH64; of the value log the size alone
}

type markHead struct {
	Stream string `json:"stream"`
	Lane   uint32 `json:"lane"`
	Head   []byte `json:"head"` // see head.encode
}

// reach is how far the groups of a generation go: what its mark will say.
type reach struct {
	groups int    // stored
	last   uint64 // number of the last one
	hash   uint64 // of its record
	heads  map[buffer.LaneID][]byte
}

// note takes in a group that was stored.
func (r *reach) note(record *groupRecord, hash uint64) {
	r.groups++
	r.last, r.hash = record.number, hash
	if r.heads == nil {
		r.heads = map[buffer.LaneID][]byte{}
	}
	for _, c := range record.changes {
		if c.kind == kindHead {
			r.heads[c.lane] = c.value
		}
	}
}

// end is a mark that says so, and nothing of files.
func (r *reach) end() mark {
	m := mark{Groups: r.groups, Last: r.last, Hash: r.hash}
	for lane, h := range r.heads {
		m.Heads = append(m.Heads, markHead{Stream: lane.Stream.String(), Lane: lane.Number, Head: h})
	}
	return m
}

// mark describes the generation after it was closed.
func (g *generation) mark() (mark, error) {
	m := g.end()
	var err error
	m.Files, err = fileSums(g.dir)
	return m, err
}

func (g *generation) writeMark() error {
	m, err := g.mark()
	if err != nil {
		return err
	}
	return checked.Write(filepath.Join(g.dir, sealedName), m)
}

// fileSums describes the files of a generation, its mark left out.
func fileSums(dir string) (map[string]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for _, e := range entries {
		if e.Name() == sealedName || e.Name() == badgerLockName {
			continue
		}
		if sums[e.Name()], err = fileSum(filepath.Join(dir, e.Name())); err != nil {
			return nil, err
		}
	}
	return sums, nil
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if filepath.Base(path) == vlogName {
		info, err := f.Stat()
		if err != nil {
			return "", err
		}
		return fmt.Sprint(info.Size()), nil // its values carry their own checksums, and are too many to read them all
	}
	sum := xxhash.New()
	size, err := io.Copy(sum, f)
	return fmt.Sprintf("%d %016x", size, sum.Sum64()), err
}

// verify compares the generation's files with what they were.
func (m *mark) verify(dir string) error {
	sums, err := fileSums(dir)
	if err != nil {
		return err
	}
	for name, want := range m.Files {
		if have, ok := sums[name]; !ok {
			return fmt.Errorf("%s is missing", name)
		} else if have != want {
			return fmt.Errorf("%s is damaged or cut", name)
		}
	}
	for name := range sums {
		if _, ours := m.Files[name]; !ours && slices.Contains(badgerReads, filepath.Ext(name)) {
			return fmt.Errorf("%s is not the generation's", name)
		}
	}
	return nil
}

// badgerReads are the kinds of files that Badger opens, whoever wrote them.
var badgerReads = []string{".mem", ".vlog", ".sst"}

// loadSealed reads the group records of a generation that was closed, and makes sure that everything they list is there.
// The blocks themselves are verified when they are read.
func loadSealed(g *generation, m *mark) (groups []foundGroup, err error) {
	if err := m.verify(g.dir); err != nil {
		return nil, err
	}
	g.state = sealed
	if err := g.openToRead(discardLog); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.closeReader()) }()
	present := map[string]bool{}
	err = g.guarded(func() error {
		return g.db.View(func(txn *badger.Txn) (err error) {
			groups, err = groupsOf(txn, g, present)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	if len(groups) != m.Groups {
		return nil, fmt.Errorf("%d of %d group records are readable", len(groups), m.Groups)
	}
	for i := range groups {
		for _, data := range groups[i].blocks {
			h := buffer.PeekHeader(data)
			if !present[blockKey(h.Lane, h.First, h.Count)] {
				return nil, fmt.Errorf("the block of record %d is missing", h.First)
			}
		}
	}
	return groups, nil
}

// groupsOf reads every group record, from its second copy where the first one is damaged, and notes the keys of all blocks.
func groupsOf(txn *badger.Txn, g *generation, present map[string]bool) (groups []foundGroup, err error) {
	o := badger.DefaultIteratorOptions
	o.PrefetchValues = false
	it := txn.NewIterator(o)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		key := it.Item().KeyCopy(nil)
		number, ok := parseGroupKey(key)
		if !ok {
			present[string(key)] = true
			continue
		}
		for _, k := range []string{groupKey(number), copyKey(number)} {
			found, err := groupAt(txn, k)
			if err == nil {
				found.generation = g
				groups = append(groups, found)
				break
			}
		}
	}
	return groups, nil
}

func groupAt(txn *badger.Txn, key string) (foundGroup, error) {
	item, err := txn.Get([]byte(key))
	if err != nil {
		return foundGroup{}, err
	}
	data, err := item.ValueCopy(nil)
	if err != nil {
		return foundGroup{}, err
	}
	record, err := decodeGroup(data)
	return foundGroup{groupRecord: record, hash: hashGroup(data)}, err
}
