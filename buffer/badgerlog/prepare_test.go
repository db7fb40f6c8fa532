package badgerlog

import (
	"os"
	"path/filepath"
	"testing"
)

// A generation that was prepared takes groups as one that was not, and a crash leaves no less of it.
func TestPreparedGeneration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := openRig(t, Config{Dir: dir})
	if r.current.prepared {
		t.Error("the first generation is prepared: a start must not wait for it")
	}
	r.committer.group.value.Store(preparedTo - 1)
	leaveGeneration(t, r.Log) // the next one is made while the group's size is known
	r.committer.group.value.Store(preparedTo - 1)
	leaveGeneration(t, r.Log)
	eventually(t, "a generation is prepared", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.ready != nil && r.ready.prepared
	})
	leaveGeneration(t, r.Log)
	var want []string
	for range 20 {
		want = append(want, string(randomBlock(100<<10)))
		r.mustAdd(want[len(want)-1])
	}
	equal(t, "records", r.records(), want)
	crashed := openRig(t, Config{Dir: copyDir(t, dir)})
	crashed.id, crashed.lane = r.id, crashed.lanes[r.id]
	equal(t, "records after a crash", crashed.records(), want)
	if n := crashed.Stats().Damaged; n != 0 {
		t.Errorf("%d ranges are called damaged", n)
	}
}

func TestWorthPreparing(t *testing.T) {
	for size, want := range map[int64]bool{0: false, preparedFrom - 1: false, preparedFrom: true, preparedTo - 1: true, preparedTo: false} {
		var c committer
		c.group.measure(size)
		if got := c.worthPreparing(); got != want {
			t.Errorf("groups of %d bytes: got %v", size, got)
		}
	}
}

// The end of the log does not wait for zeros.
func TestPreparingEndsWithTheLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	quit := make(chan struct{})
	close(quit)
	if err := zero(path, 1<<40, valuesFolio, quit); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 2*preparedStep {
		t.Errorf("%d bytes were written, %v", info.Size(), err)
	}
	if err := zero(filepath.Join(t.TempDir(), "none"), 1, 1, quit); err == nil {
		t.Error("a file that is not there can be prepared")
	}
}
