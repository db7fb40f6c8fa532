package badgerlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gofrs/flock"
)

// checkPresence ends the log where its directory was removed, moved or replaced under it: what is written to files that no
// path leads to any more would be acknowledged, and gone with the process. It is called once a second.
func (l *Log) checkPresence() {
	if !l.absent() || l.broken() != nil {
		return
	}
	err := fmt.Errorf("its directory %s was removed, moved or replaced while it was in use: what was in it and is not delivered "+
		"is lost unless it was moved; bring it back if it was, and start again", l.cfg.Dir)
	l.cfg.Log.Error("the buffer's directory is gone: nothing is acknowledged any more", "error", err)
	l.fail(err)
}

// absent reports whether the lock file at its path is not the one that the log holds. What cannot be told is not absent, and
// where a file's identity does not last, as on some network file systems, the lock tells: the log's own can be had by nobody.
func (l *Log) absent() bool {
	held, err := l.lock.Stat()
	if err != nil {
		return false
	}
	found, err := os.Stat(l.lock.Path())
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	if os.SameFile(held, found) {
		return false
	}
	another := flock.New(l.lock.Path())
	defer another.Close()
	free, err := another.TryLock()
	return err == nil && free
}
