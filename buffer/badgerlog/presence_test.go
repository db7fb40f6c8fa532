package badgerlog

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hydrant/buffer"
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
			l, err := Open(Config{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			id := buffer.NewStreamID()
			if _, err := l.Define(t.Context(), buffer.Definition{Stream: id, Name: "s", Logic: 1}); err != nil {
				t.Fatal(err)
			}
			batch := buffer.Batch{Stream: id, Records: [][]byte{[]byte("a record")}}
			if _, err := l.Append(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
			if l.Failure() != nil {
				t.Errorf("a log that works has a failure: %v", l.Failure())
			}
			eventually(t, "the next generation is made: in the middle of that Badger ends the process", func() bool {
				l.mu.Lock()
				defer l.mu.Unlock()
				return l.supply.ready != nil
			})
			if err := takeAway(dir); err != nil {
				t.Fatal(err)
			}
			select {
			case <-l.Failed():
			case <-time.After(time.Minute):
				t.Fatal("it goes on")
			}
			if _, err := l.Append(t.Context(), batch); err == nil || !strings.Contains(err.Error(), dir) {
				t.Errorf("an append returned %v", err)
			}
			if l.Failure() == nil {
				t.Error("it has no reason")
			}
			closed := make(chan error, 1)
			go func() { closed <- l.Close() }()
			select {
			case <-closed: // with an error or without: what can be closed is
			case <-time.After(time.Minute):
				t.Fatal("it does not close")
			}
		})
	}
}
