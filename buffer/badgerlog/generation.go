package badgerlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"hydrant/buffer"
	"hydrant/buffer/checked"
)

// generation is one Badger directory. It is written by one goroutine, one transaction and one sync per group, until it
// is full; then it is sealed by closing it, read from while anything in it is not settled, and removed whole. Inside a
// generation nothing rotates, compacts or is deleted: its size and its number of entries are bounded beforehand, and the
// space for both is allocated, so that a full disk is an error when the generation is made and not a fault later.
type generation struct {
	id  uint64
	dir string

	// Of the committer alone.
	space
	reach
	storing
	memory []badger.Entry // of write
	time   uint64         // of the last transaction

	stuck bool // of housekeeping alone: only damaged blocks are live

	// Of whoever looks.
	damaged   atomic.Bool  // something in it is quarantined: its files are kept
	live      atomic.Int64 // blocks that are not settled
	liveBytes atomic.Int64 // of them, as stored
	allocated atomic.Int64 // bytes on disk
	behind    atomic.Bool  // the WAL has entries that are not synced
	failing   atomic.Bool  // its sync failed: the next write does
	faulted   atomic.Bool  // Badger was left in the middle of a read: it is not closed any more

	mu     sync.RWMutex // held to write while the fields below change
	state  generationState
	db     *badger.DB
	values map[string]extent // of a generation that was not closed
	file   *os.File          // its value log
}

// space is what a generation takes, and what of that is taken.
type space struct {
	capacity int64 // bytes of values and their framing
	slots    int   // entries
	reserved bool  // made in the reserve's space: takes no records
	used     int64
	entries  int
}

// fits reports whether values of the given bytes, n of them, go in.
func (s *space) fits(bytes int64, n int) bool {
	return s.used+bytes+int64(n)*entryOverhead <= s.capacity && s.entries+n+1 <= s.slots
}

type generationState int

const (
	writing   generationState = iota // db is open for writing
	waiting                          // full; a full disk has no room for closing it yet
	sealed                           // closed; db is opened to read on demand
	unclosed                         // found so at start; read from its value log by values
	poisoned                         // a write or sync failed: db stays open to read what was synced
	discarded                        // gone, or kept in quarantine only
)

const (
	minCapacity = 8 << 20
	maxCapacity = 256 << 20

	entryOverhead = 96       // of a value in the value log: header, key, checksum
	slotBytes     = 128      // of an entry in Badger's WAL, its share of the transaction's end mark included
	slack         = 64 << 10 // beyond the bound, never reached

	// leastMemtable bounds the entries of a transaction, by Badger's rule, to 13,000. More than slots ask for is memory for
	// nothing: Badger takes 1.3 times the size from the heap for each generation that is written to, and one is made ahead.
	leastMemtable = 8 << 20

	sealedName = "SEALED" // exists, synced, once a generation was closed in good order
	failedName = "FAILED" // exists once a write or sync of it has failed
	vlogName   = "000001.vlog"
	walName    = "00001.mem"

	badgerLockName = "LOCK"
)

func slotsFor(capacity int64) int { return int(min(capacity/512, 64<<10)) }

// blockKey, groupKey and copyKey name values in Badger.
func blockKey(lane buffer.LaneID, first buffer.Seq, count int) string {
	var k [blockKeySize]byte
	return string(appendBlockKey(k[:0], lane, first, count))
}

func appendBlockKey(dst []byte, lane buffer.LaneID, first buffer.Seq, count int) []byte {
	dst = append(dst, 'b')
	dst = append(dst, lane.Stream[:]...)
	dst = binary.BigEndian.AppendUint32(dst, lane.Number)
	dst = binary.BigEndian.AppendUint64(dst, uint64(first))
	return binary.BigEndian.AppendUint32(dst, uint32(count)) // so that Badger's own files tell what a lost value was
}

const blockKeySize = 1 + 16 + 4 + 8 + 4

func groupKey(number uint64) string {
	var k [groupKeySize]byte
	return string(appendGroupKey(k[:0], firstCopy, number))
}

// copyKey names a group record's second copy: no flipped bit loses state. Badger stores a transaction's values in no order, so
// that the group's blocks lie between the two or not.
func copyKey(number uint64) string {
	var k [groupKeySize]byte
	return string(appendGroupKey(k[:0], secondCopy, number))
}

func appendGroupKey(dst []byte, which byte, number uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, which), number)
}

const (
	groupKeySize = 1 + 8
	firstCopy    = 'g'
	secondCopy   = 'h'
)

// badgerOptions is the set that spec and tests stand on. Nothing but generations knows Badger.
func badgerOptions(dir string, capacity int64, slots int, log *slog.Logger) badger.Options {
	return badger.DefaultOptions(dir).
		WithSyncWrites(false). // an explicit Sync per group returns the value log's errors too
		WithValueThreshold(1). // every value goes to the value log, once
		WithCompression(options.None).
		WithBlockCacheSize(0).WithIndexCacheSize(0).
		WithNumVersionsToKeep(1).WithDetectConflicts(false).
		WithNumCompactors(0).WithNumMemtables(2).WithCompactL0OnClose(false).
		WithMetricsEnabled(false).
		WithMemTableSize(max(int64(slots)*2*slotBytes, leastMemtable)).
		WithValueLogFileSize(capacity + 2*slack).
		WithValueLogMaxEntries(math.MaxUint32).
		WithVerifyValueChecksum(true). // a damaged length would leave a lock held for which Close waits for ever
		WithLogger(badgerLogger{log})
}

// createGeneration makes a generation that takes capacity bytes, its space allocated and its names synced. The caller
// has looked that the disk has generationSpace of it.
func createGeneration(parent string, id uint64, capacity int64, log *slog.Logger) (*generation, error) {
	g := &generation{
		id: id, dir: generationDir(parent, id),
		space:   space{capacity: capacity, slots: slotsFor(capacity)},
		storing: storing{offset: walHeaderSize},
	}
	if id >= mostGenerations {
		return nil, fmt.Errorf("%s would be the last generation there can be: move away the directory before it, which is not the buffer's", g.dir)
	}
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return nil, err
	}
	if err := g.create(parent, log); err != nil {
		err = errors.Join(err, g.closePages(), g.closeDB())
		return nil, errors.Join(err, os.RemoveAll(g.dir))
	}
	return g, nil
}

func (g *generation) create(parent string, log *slog.Logger) error {
	// Times are given by write: Badger's own clock keeps marks of who reads at which, in goroutines that each commit wakes.
	db, err := badger.OpenManaged(badgerOptions(g.dir, g.capacity, g.slots, log))
	if err != nil {
		return fmt.Errorf("open a generation: %w", err)
	}
	g.db = db
	generationOpened.Reach()
	if err := preallocate(filepath.Join(g.dir, vlogName), g.capacity+slack); err != nil {
		return fmt.Errorf("allocate the value log: %w", err)
	}
	if err := preallocate(filepath.Join(g.dir, walName), walSpace(g.slots)); err != nil {
		return fmt.Errorf("allocate the write-ahead log: %w", err)
	}
	if err := g.openPages(g.dir); err != nil {
		return err
	}
	if err := db.Sync(); err != nil { // both files, as they begin
		return err
	}
	g.allocated.Store(generationSpace(g.capacity))
	defer generationMade.Reach()
	return errors.Join(checked.SyncDir(g.dir), checked.SyncDir(parent))
}

// value is one key and value to be written. Its bytes are the caller's again once they are.
type value struct {
	key  []byte
	data []byte
}

// write commits the values in one transaction and syncs it. After an error the generation is poisoned: a later sync of
// the same file may succeed although the data is gone.
func (g *generation) write(values []value, sync func(*generation) error) error {
	if g.failing.Load() {
		return errEntries
	}
	txn := g.db.NewTransactionAt(g.time, true)
	defer txn.Discard()
	entries := slices.Grow(g.memory, len(values))[:len(values)]
	g.memory = entries[:0]
	defer clear(entries)
	for i, v := range values {
		entries[i].Key, entries[i].Value = v.key, v.data
		if err := txn.SetEntry(&entries[i]); err != nil {
			return err
		}
		g.used += int64(len(v.data)) + entryOverhead
	}
	g.entries += len(values) + 1
	begin := g.offset
	if err := g.makePages(values); err != nil {
		return err
	}
	g.time++
	if err := txn.CommitAt(g.time, nil); err != nil {
		return err
	}
	g.behind.Store(true)
	g.unmap(begin)
	groupStored.Reach()
	return sync(g)
}

// discard removes the generation from disk. Renaming it first makes the removal one step.
func (g *generation) discard() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	errs := []error{g.closePages(), g.closeDB()}
	if g.file != nil {
		errs = append(errs, g.file.Close())
	}
	g.file, g.values, g.state = nil, nil, discarded
	parent := filepath.Dir(g.dir)
	trash := filepath.Join(parent, trashPrefix+filepath.Base(g.dir))
	errs = append(errs, os.Rename(g.dir, trash), checked.SyncDir(parent))
	generationRenamed.Reach()
	errs = append(errs, os.RemoveAll(trash))
	generationGone.Reach()
	g.allocated.Store(0)
	return errors.Join(errs...)
}

// release lets go of everything and leaves the files: for the end of the process.
func (g *generation) release() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	errs := []error{g.closePages(), g.closeDB()}
	if g.file != nil {
		errs = append(errs, g.file.Close())
	}
	g.file = nil
	return errors.Join(errs...)
}

const (
	generationPrefix = "gen-"
	trashPrefix      = ".trash-"
)

func generationDir(parent string, id uint64) string {
	return filepath.Join(parent, fmt.Sprintf("%s%016d", generationPrefix, id))
}

// mostGenerations is above every id, and what a key remembers one in.
const mostGenerations = 1 << 32

// parseGeneration reads the id from a directory's name, where that is one that generationDir gives.
func parseGeneration(name string) (uint64, bool) {
	id, err := strconv.ParseUint(strings.TrimPrefix(name, generationPrefix), 10, 64)
	if err != nil || id >= mostGenerations || name != generationDir("", id) {
		return 0, false
	}
	return id, true
}

// badgerLogger passes on what an operator should see.
type badgerLogger struct{ log *slog.Logger }

func (l badgerLogger) Errorf(f string, a ...any) {
	l.log.Error("badger: " + strings.TrimSpace(fmt.Sprintf(f, a...)))
}

func (l badgerLogger) Warningf(f string, a ...any) {
	l.log.Warn("badger: " + strings.TrimSpace(fmt.Sprintf(f, a...)))
}
func (l badgerLogger) Infof(string, ...any)  {}
func (l badgerLogger) Debugf(string, ...any) {}

func (g *generation) is(s generationState) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.state == s
}

func (g *generation) set(s generationState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state = s
}

// poison ends the writing to a generation whose write or sync failed. What the kernel could not write it may still show, to the
// next process too, which must not answer for it: that one reads the disk. Its sign for that need not be durable, since the
// pages are gone with whatever makes it go.
func (g *generation) poison() {
	g.set(poisoned)
	_ = os.WriteFile(filepath.Join(g.dir, failedName), nil, 0o644) // the failure itself is told
}
