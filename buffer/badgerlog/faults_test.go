package badgerlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hydrant/buffer"
)

var errDisk = errors.New("the disk has failed")

// A failed sync poisons its generation: the group is not acknowledged from there, but goes to a new one.
func TestFailedSyncGoesToANewGeneration(t *testing.T) {
	dir := t.TempDir()
	faults, looked := 0, false
	var failed *generation
	r := openRig(t, Config{Dir: dir, sync: func(g *generation) error {
		if g == failed {
			t.Error("a generation was synced again after its sync failed")
		}
		if faults == 1 {
			faults, failed = 0, g
			return errDisk
		}
		if failed != nil && !looked { // later housekeeping may have dropped it
			looked = true
			if !failed.is(poisoned) {
				t.Error("the generation whose sync failed was closed as if it were good")
			}
			if !exists(filepath.Join(failed.dir, failedName)) || exists(filepath.Join(g.dir, failedName)) {
				t.Error("the next start does not know which generation's pages may not be on the disk")
			}
		}
		return g.sync()
	}})
	r.mustAdd("before")
	faults = 1
	r.mustAdd("during")
	r.mustAdd("after")
	if !looked {
		t.Error("nothing was synced after the fault")
	}
	equal(t, "after the fault", r.records(), []string{"before", "during", "after"})

	crashed := openRig(t, Config{Dir: copyDir(t, dir)})
	equal(t, "after the fault and a crash", crashed.records(), []string{"before", "during", "after"})
	if n := crashed.Stats().Damaged; n != 0 {
		t.Errorf("%d ranges are called damaged", n)
	}
}

// A second failure within a minute ends the log: nobody is answered well, and what was acknowledged is there afterwards.
func TestSecondFailureWithinAMinuteIsTheEnd(t *testing.T) {
	dir := t.TempDir()
	broken := false
	l, err := Open(Config{Dir: dir, sync: func(g *generation) error {
		if broken {
			return errDisk
		}
		return g.sync()
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	id := buffer.NewStreamID()
	if _, err := l.Define(t.Context(), buffer.Definition{Stream: id, Name: "s", Logic: 1}); err != nil {
		t.Fatal(err)
	}
	batch := buffer.Batch{Stream: id, Records: [][]byte{[]byte("acked")}}
	if _, err := l.Append(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	broken = true
	for range 3 {
		if _, err := l.Append(t.Context(), batch); !errors.Is(err, errDisk) {
			t.Fatalf("an append on a broken disk returned %v", err)
		}
	}
	<-l.Failed()
	_ = l.Close() // it tells of the broken disk
	marks, err := filepath.Glob(filepath.Join(dir, "*", sealedName))
	if err != nil || len(marks) > 0 {
		t.Errorf("generations whose syncs failed were closed as if they were good: %v %v", marks, err)
	}
	r := openRig(t, Config{Dir: copyDir(t, dir)})
	if got := r.records(); len(got) < 1 || got[0] != "acked" {
		t.Errorf("after the restart: %v", got)
	}
}

// A group whose sync failed and for which no other generation can be made is found by the next start: it is not refused as on a
// full disk, which would say that it is surely not stored.
func TestFailedSyncOnAFullDiskIsNoRefusal(t *testing.T) {
	dir := t.TempDir()
	var l *Log
	var failing, full atomic.Bool
	l, err := Open(Config{
		Dir: dir,
		sync: func(g *generation) error {
			if !failing.Load() {
				return g.sync()
			}
			full.Store(true)
			l.mu.Lock()
			for l.supply.making {
				l.supply.made.Wait()
			}
			l.mu.Unlock()
			return errors.Join(errDisk, l.dropReady()) // none was made ahead
		},
		free: func(string) int64 {
			if full.Load() {
				return 0
			}
			return 1 << 40
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := buffer.NewStreamID()
	if _, err := l.Define(t.Context(), buffer.Definition{Stream: id, Name: "s", Logic: 1}); err != nil {
		t.Fatal(err)
	}
	failing.Store(true)
	record := randomBlock(lastCapacity) // too large for a generation in the reserve's place
	_, err = l.Append(t.Context(), buffer.Batch{Stream: id, Records: [][]byte{record}})
	if no := (*buffer.FullError)(nil); errors.As(err, &no) || !errors.Is(err, errDisk) {
		t.Errorf("the append returned %v", err)
	}
	_ = l.Close() // it tells of the broken disk
	r := openRig(t, Config{Dir: copyDir(t, dir)})
	if got := len(r.records()); got != 1 {
		t.Errorf("the next start finds %d records", got)
	}
}

// Where no generation can be made for the moment, as where there are too many open files, nothing is stored and everybody is
// told so. Producers and delivery try again, and it works again by itself.
func TestGenerationThatCannotBeMade(t *testing.T) {
	t.Parallel()
	r := openRig(t, Config{Dir: t.TempDir()})
	r.mustAdd("kept")
	r.awaitReadyGeneration()
	var blocks []string
	for id := r.supply.lastID + 1; id < r.supply.lastID+100; id++ {
		blocks = append(blocks, generationDir(r.cfg.Dir, id))
		if err := os.WriteFile(blocks[len(blocks)-1], nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	leave := func() error {
		return r.submit(t.Context(), func(g *group) error { g.carry, g.leave = r.gens[0], true; return nil })
	}
	if err := leave(); err != nil { // into the one that was made ahead
		t.Fatal(err)
	}
	var full *buffer.FullError
	if err := leave(); !errors.As(err, &full) {
		t.Errorf("without a generation to go to, a change is answered with %v", err)
	}
	for _, path := range blocks {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "it works again", func() bool { return leave() == nil })
	r.mustAdd("new")
	equal(t, "records", r.records(), []string{"kept", "new"})
}

// A closed generation that cannot be opened for the moment is no damage, and the end of nobody: its reader waits.
func TestGenerationThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	dir, _ := closedAndStaying(t, 9)
	path := vlogOf(t, dir)
	r := openRig(t, Config{Dir: dir})
	if err := errors.Join(os.Rename(path, path+".away"), os.Symlink(path, path)); err != nil { // a link to itself
		t.Fatal(err)
	}
	var b buffer.Block
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := r.lane.Read(ctx, 0, &b); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a read of what cannot be opened ended with %v", err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if got := r.records(); len(got) != 9 || r.Stats().Damaged != 0 {
		t.Errorf("%d records, and %d damaged ranges", len(got), r.Stats().Damaged)
	}
}

// Badger's own files are damaged after the start: every lane that finds out reads the generation by values, whichever was
// first, and nothing is lost.
func TestLanesThatFindDamageAtOnce(t *testing.T) {
	t.Parallel()
	const streams = 16
	dir := filepath.Join(t.TempDir(), "log")
	r := openRig(t, Config{Dir: dir})
	ids := []buffer.StreamID{r.id}
	for i := range streams - 1 {
		id := buffer.NewStreamID()
		if _, err := r.Define(t.Context(), buffer.Definition{Stream: id, Name: fmt.Sprint("s", i), Logic: 1}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		if _, err := r.Append(t.Context(), buffer.Batch{Stream: id, Records: [][]byte{[]byte(staying())}}); err != nil {
			t.Fatal(err)
		}
	}
	r.stop()
	r = openRig(t, Config{Dir: dir})
	var b buffer.Block
	if err := r.lane.Read(t.Context(), 0, &b); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(filepath.Dir(vlogOf(t, dir)), "*.sst"))
	if err != nil || len(tables) != 1 {
		t.Fatalf("tables %q, %v", tables, err)
	}
	if err := os.Truncate(tables[0], 0); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for _, id := range ids {
		readers.Go(func() {
			var b buffer.Block
			if err := r.lanes[id].Read(t.Context(), 0, &b); err != nil {
				t.Error(err)
			}
		})
	}
	readers.Wait()
	if n := r.Stats().Damaged; n != 0 {
		t.Errorf("%d ranges are quarantined that can be read", n)
	}
}
