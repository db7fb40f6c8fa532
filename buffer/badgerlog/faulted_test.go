package badgerlog

import (
	"fmt"
	"path/filepath"
	"testing"
)

// A generation in which a fault was read before it was closed gets no mark, stays readable, and is read value by value after
// the next start.
func TestFaultBeforeClosing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "log")
	r := openRig(t, Config{Dir: dir})
	var want []string
	for i := range 9 {
		want = append(want, fmt.Sprintf("record %d", i+1))
		r.mustAdd(want[i])
	}
	r.current.faulted.Store(true)
	if err := r.seal(r.current); err == nil || exists(filepath.Join(r.current.dir, sealedName)) {
		t.Errorf("it has a mark: %v", err)
	}
	for _, ref := range r.lanes[r.id].refs {
		ref.drop() // so that the disk is read
	}
	equal(t, "records", r.records(), want)
	r.stop()
	again := openRig(t, Config{Dir: dir})
	equal(t, "records after a restart", again.records(), want)
	if n := again.Stats().Damaged; n > 0 {
		t.Errorf("%d damaged ranges", n)
	}
}
