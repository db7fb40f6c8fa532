package badgerlog

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofrs/flock"
)

// A log whose directory is taken away acknowledges nothing more, says why, and can be closed.
func TestDirectoryIsTakenAway(t *testing.T) {
	for name, takeAway := range map[string]func(dir string) error{
		"removed": os.RemoveAll,
		"moved":   func(dir string) error { return os.Rename(dir, dir+"-moved") },
		"replaced": func(dir string) error {
			return errors.Join(os.Rename(dir, dir+"-moved"), os.CopyFS(dir, os.DirFS(dir+"-moved")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "log")
			r := openRig(t, Config{Dir: dir})
			r.mustAdd("a record")
			if err := r.Failure(); err != nil {
				t.Errorf("a log that works has failed: %v", err)
			}
			eventually(t, "the next generation is made: in the middle of that Badger ends the process", func() bool {
				r.mu.Lock()
				defer r.mu.Unlock()
				return r.supply.ready != nil
			})
			if err := takeAway(dir); err != nil {
				t.Fatal(err)
			}
			<-r.Failed()
			if _, err := r.add([]byte("another")); err == nil || !strings.Contains(err.Error(), dir) {
				t.Errorf("an append returned %v", err)
			}
			if r.Failure() == nil {
				t.Error("it has no reason")
			}
			r.cancel()
			_ = r.Close() // it tells what it could not close; that it ends is what counts
		})
	}
}

// A lock file of another identity whose lock cannot be had may be the log's own, on a file system where identities do not last.
func TestLockTellsWhereIdentitiesDoNot(t *testing.T) {
	dir := t.TempDir()
	l := newLog(Config{Dir: dir}, flock.New(filepath.Join(dir, lockName)))
	hold := func(lock *flock.Flock) {
		if held, err := lock.TryLock(); err != nil || !held {
			t.Fatalf("the lock is not to be had: %v", err)
		}
	}
	hold(l.lock)
	defer l.lock.Close()
	if l.absent() {
		t.Error("the log's own file is not there")
	}
	if err := os.Remove(l.lock.Path()); err != nil {
		t.Fatal(err)
	}
	if !l.absent() {
		t.Error("a file that was removed is there")
	}
	another := flock.New(l.lock.Path())
	hold(another)
	if l.absent() {
		t.Error("a file that somebody holds is taken for another one's")
	}
	if err := another.Unlock(); err != nil {
		t.Fatal(err)
	}
	if !l.absent() {
		t.Error("a file that nobody holds is taken for the log's")
	}
}
