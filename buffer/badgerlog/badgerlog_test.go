package badgerlog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"hydrant/buffer"
	"hydrant/buffer/buffertest"
)

// engine crashes by copying the directory away from under the running log: the copy holds what a killed process leaves in
// the page cache.
type engine struct {
	dir string
	log *Log
}

func (e *engine) Open(t *testing.T) buffer.Log {
	t.Helper()
	l, err := Open(Config{Dir: e.dir})
	if err != nil {
		t.Fatal(err)
	}
	e.log = l
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func (e *engine) Crash(t *testing.T) {
	t.Helper()
	e.dir = copyDir(t, e.dir)
}

func (e *engine) Damage(t *testing.T, stream buffer.StreamID, from, to buffer.Seq) {
	t.Helper()
	flipAt(t, e.dir, blockKey(buffer.LaneID{Stream: stream}, from, int(to-from)+1))
}

// copyDir copies a data directory as it is. Where a generation vanishes meanwhile the copy is begun anew: a process that
// dies leaves one state, not two.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	for {
		to := filepath.Join(t.TempDir(), "copy")
		err := os.CopyFS(to, os.DirFS(from))
		if err == nil {
			return to
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

func TestContract(t *testing.T) {
	buffertest.Run(t, func(t *testing.T) buffertest.Engine {
		return &engine{dir: filepath.Join(t.TempDir(), "buffer")}
	})
}
