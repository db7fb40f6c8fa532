package badgerlog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"hydrant/buffer"
	"hydrant/buffer/buffertest"
)

// engine crashes by copying the directory away from under the running log: the copy holds what a killed process leaves in
// the page cache.
type engine struct {
	dir string
	log *Log
	age atomic.Int64 // of the log: time is what Advance says

	keys buffertest.DataKeys
}

func (e *engine) DataKeys() *buffertest.DataKeys { return &e.keys }

func (e *engine) Open(t *testing.T) buffer.Log {
	t.Helper()
	e.age.Store(0)
	l, err := Open(Config{
		Dir:      e.dir,
		Window:   buffertest.Window,
		DataKeys: &e.keys,

		elapsed: func() time.Duration { return time.Duration(e.age.Load()) },
	})
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

func (e *engine) Advance(d time.Duration) { e.age.Add(int64(d)) }

func (e *engine) Damage(t *testing.T, stream buffer.StreamID, from, to buffer.Seq) {
	t.Helper()
	flipAt(t, e.dir, blockKey(buffer.LaneID{Stream: stream}, from, int(to-from)+1))
}

// copyDir copies a data directory as it is, the value logs last: a value is in its log before Badger's write-ahead log names
// it, in the page cache that a killed process leaves as well. Where a generation comes or goes meanwhile the copy is begun
// anew: a process that dies leaves one state, not two.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	for {
		to := filepath.Join(t.TempDir(), "copy")
		before := list(t, from)
		err := os.CopyFS(to, without{os.DirFS(from)})
		if err == nil {
			err = copyValueLogs(from, to)
		}
		if err == nil && slices.Equal(list(t, from), before) {
			return to
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// list names what is in a directory.
func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// without shows a directory without its value logs.
type without struct{ fs.FS }

func (w without) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(w.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == vlogName }), err
}

func copyValueLogs(from, to string) error {
	paths, err := filepath.Glob(filepath.Join(from, "*", vlogName))
	if err != nil {
		return err
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir := filepath.Join(to, filepath.Base(filepath.Dir(path)))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, vlogName), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func TestContract(t *testing.T) {
	buffertest.Run(t, func(t *testing.T) buffertest.Engine {
		return &engine{dir: filepath.Join(t.TempDir(), "buffer")}
	})
}
