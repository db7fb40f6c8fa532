package badgerlog

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
)

// A group is durable by its value log alone: where the WAL was not written yet when the power failed, nothing is lost, and
// nothing is taken for damage.
func TestGroupsAreDurableWithoutTheWAL(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := openRig(t, Config{Dir: dir})
	want := []string{"one", "two", "three"}
	for _, record := range want {
		r.mustAdd(record)
	}
	for _, left := range []int64{0, walHeaderSize, 150, 300} {
		crashed := copyDir(t, dir)
		wals, err := filepath.Glob(filepath.Join(crashed, "gen-*", walName))
		if err != nil || len(wals) == 0 {
			t.Fatal(wals, err)
		}
		for _, wal := range wals {
			cutAndZero(t, wal, left)
		}
		found := openRig(t, Config{Dir: crashed})
		equal(t, "without the WAL", found.records(), want)
		if n := found.Stats().Damaged; n != 0 {
			t.Errorf("%d ranges are called damaged", n)
		}
		if seq := found.mustAdd("four"); seq != 4 {
			t.Errorf("the next record is %d", seq)
		}
	}
}

// cutAndZero leaves so many bytes of a file, and zeros up to its size, as where pages behind them never reached the disk.
func cutAndZero(t *testing.T, path string, left int64) {
	t.Helper()
	info, err := os.Stat(path)
	if err == nil {
		err = errors.Join(os.Truncate(path, left), os.Truncate(path, info.Size()))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The WAL's sync follows. If it fails the next group goes to a new generation, as after any failed sync.
func TestFailedSyncOfTheWALGoesToANewGeneration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var spoiled atomic.Pointer[generation]
	r := openRig(t, Config{Dir: dir, sync: func(g *generation) error {
		// At the first sync of the next one: later housekeeping may have dropped it.
		if failed := spoiled.Load(); failed != nil && failed != g && spoiled.CompareAndSwap(failed, nil) && !failed.is(poisoned) {
			t.Error("the generation whose WAL could not be synced was closed as if it were good")
		}
		return g.sync()
	}})
	r.mustAdd("before")
	r.syncEntries()
	failed := r.gens[0]
	if failed.behind.Load() {
		t.Error("the WAL was not synced")
	}
	failed.loseEntries(t)
	r.mustAdd("during")
	r.syncEntries()
	for !failed.failing.Load() { // housekeeping may have been there first
		runtime.Gosched()
	}
	spoiled.Store(failed)
	r.mustAdd("after")
	if spoiled.Load() != nil {
		t.Error("the next group went to the generation whose WAL could not be synced")
	}
	equal(t, "after the fault", r.records(), []string{"before", "during", "after"})
	equal(t, "after the fault and a crash", openRig(t, Config{Dir: copyDir(t, dir)}).records(), []string{"before", "during", "after"})
}

// loseEntries puts in the WAL's place what cannot be synced.
func (g *generation) loseEntries(t *testing.T) {
	t.Helper()
	instead, other, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	g.mu.Lock()
	defer g.mu.Unlock()
	was := g.entryPages.file
	t.Cleanup(func() { _ = was.Close() })
	g.entryPages.file = instead
}
