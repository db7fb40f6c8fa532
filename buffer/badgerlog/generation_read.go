package badgerlog

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"

	"github.com/dgraph-io/badger/v4"

	"hydrant/buffer"
)

// read calls fn with the value of key. The bytes are good until fn returns.
func (g *generation) read(key string, fn func([]byte) error) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.values != nil {
		return g.readUnclosed(key, fn)
	}
	if g.db == nil {
		return errNotOpen
	}
	return g.guarded(func() error {
		return g.db.View(func(txn *badger.Txn) error {
			item, err := txn.Get([]byte(key))
			if err != nil {
				return fmt.Errorf("%w: %v", buffer.ErrDamaged, err)
			}
			return item.Value(fn) // an unreadable value is an empty one here, without an error: fn checks
		})
	})
}

var (
	errNotOpen = errors.New("the generation is not open")
	errFault   = errors.New("the disk could not be read")
)

func (g *generation) readUnclosed(key string, fn func([]byte) error) error {
	where, ok := g.values[key]
	if !ok {
		return fmt.Errorf("%w: not in the generation", buffer.ErrDamaged)
	}
	data := make([]byte, where.length)
	if _, err := g.file.ReadAt(data, where.offset); err != nil {
		return fmt.Errorf("%w: %w", buffer.ErrDamaged, err)
	}
	return fn(data)
}

// openToRead makes a sealed generation readable.
func (g *generation) openToRead(log *slog.Logger) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != sealed || g.db != nil {
		return nil
	}
	var db *badger.DB
	err := guarded(func() (err error) {
		db, err = badger.Open(badgerOptions(g.dir, maxCapacity, slotsFor(maxCapacity), log).WithReadOnly(true))
		return err
	})
	if err != nil {
		return fmt.Errorf("open generation %d to read: %w", g.id, err)
	}
	g.db = db
	return nil
}

// closeReader lets go of a sealed generation's files.
func (g *generation) closeReader() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != sealed || g.db == nil {
		return nil
	}
	return g.closeDB()
}

// guarded reads from the generation, see there, and keeps in mind that there was a fault.
func (g *generation) guarded(fn func() error) error {
	err := guarded(fn)
	if errors.Is(err, errFault) {
		g.faulted.Store(true)
	}
	return err
}

// closeDB lets go of Badger, but where closing would never end: a fault may have left one of its locks held, and where the
// directory is gone it tries to write its table again and again. Its files stay open then until the process ends. Called with
// mu held.
func (g *generation) closeDB() error {
	db := g.db
	g.db = nil
	if db == nil || g.faulted.Load() {
		return nil
	}
	if _, err := os.Stat(g.dir); errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return db.Close()
}

// openLimit is how many sealed generations are open to read: each holds memory and mappings of its files.
const openLimit = 4

// openSet are the sealed generations that are open to read.
type openSet struct {
	mu   sync.Mutex
	gens []*generation // the one opened last at the end
}

// open opens a sealed generation, and closes the one that was opened longest ago where too many are open.
func (s *openSet) open(g *generation, log *slog.Logger) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := g.openToRead(log); err != nil {
		return err
	}
	s.gens = slices.DeleteFunc(s.gens, func(o *generation) bool { return o == g })
	s.gens = append(s.gens, g)
	if len(s.gens) <= openLimit {
		return nil
	}
	oldest := s.gens[0]
	s.gens = s.gens[1:]
	return oldest.closeReader()
}
