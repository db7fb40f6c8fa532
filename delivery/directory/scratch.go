package directory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"github.com/gofrs/flock"

	"hydrant/delivery"
)

// scratch is this process's place for unfinished files: a directory of its own, with a lock that ends with the process,
// inside one that all processes with the same root share.
//
//	.objects.tmp/lock            held while a process enters, so that nobody sweeps a place that is not locked yet
//	.objects.tmp/1234567/lock    held as long as the process lives
//	.objects.tmp/1234567/89      an unfinished file
type scratch struct {
	dir  string
	lock *flock.Flock
	last atomic.Uint64 // number of the last file
}

// openScratch removes the places of processes that are gone and makes a new one.
func openScratch(shared string) (*scratch, error) {
	if err := os.Mkdir(shared, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	entrance := lockFile(shared)
	if err := entrance.Lock(); err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	defer entrance.Close()

	if err := sweep(shared); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(shared, "")
	if err != nil {
		return nil, err
	}
	lock := lockFile(dir)
	if err := lock.Lock(); err != nil {
		return nil, fmt.Errorf("lock: %w", errors.Join(err, os.RemoveAll(dir)))
	}
	return &scratch{dir: dir, lock: lock}, nil
}

// sweep removes the places whose lock nobody holds. One that cannot be removed only costs space, and the next process
// tries again.
func sweep(shared string) error {
	entries, err := os.ReadDir(shared)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		place := filepath.Join(shared, entry.Name())
		owner := lockFile(place)
		if gone, err := owner.TryLock(); err == nil && gone {
			_ = os.RemoveAll(place)
		}
		_ = owner.Close()
	}
	return nil
}

func lockFile(dir string) *flock.Flock {
	return flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
}

// probe finds out whether what is made here can be moved into the tree. A directory tells as well as a file would, and
// no reader takes it for an object.
func (s *scratch) probe(root string) error {
	from, to := filepath.Join(s.dir, "probe"), filepath.Join(root, ".probe-"+filepath.Base(s.dir))
	if err := os.Mkdir(from, 0o700); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return os.Remove(to)
}

// write puts the body into a new file, on stable storage, and returns the file's path. After an error there is no file.
func (s *scratch) write(ctx context.Context, body delivery.Body) (path string, err error) {
	file, err := s.create()
	if err != nil {
		return "", err
	}
	defer func() {
		if closed := file.Close(); err == nil {
			err = closed
		}
		if err != nil {
			_ = os.Remove(file.Name()) // swept later
		}
	}()
	for _, piece := range body {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		if _, err := file.Write(piece); err != nil {
			return "", err
		}
	}
	if err := file.Sync(); err != nil {
		return "", err
	}
	return file.Name(), ctx.Err()
}

// create makes a file with a name that no other has. Should a cleaner of temporary files have removed the place, it is
// made anew: without its lock, which costs at worst a failed attempt when another process sweeps.
func (s *scratch) create() (*os.File, error) {
	file, err := s.createTemp()
	if errors.Is(err, fs.ErrNotExist) {
		_ = os.Mkdir(filepath.Dir(s.dir), 0o700) // the next line's error says more
		_ = os.Mkdir(s.dir, 0o700)
		file, err = s.createTemp()
	}
	return file, err
}

func (s *scratch) createTemp() (*os.File, error) {
	path := filepath.Join(s.dir, strconv.FormatUint(s.last.Add(1), 10))
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) // not os.CreateTemp, which lets only us read
}

// close removes the place and lets its lock go.
func (s *scratch) close() error {
	return errors.Join(os.RemoveAll(s.dir), s.lock.Close())
}
