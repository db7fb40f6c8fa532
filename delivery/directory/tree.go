package directory

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// tree makes directories below the root, durably: a directory's entry in its parent is synced before anything is put
// into it, also where another process made it and may have been killed since.
type tree struct {
	root string
	sync func(dir string) error // puts a directory's entries on stable storage

	mu      sync.Mutex
	durable map[string]struct{} // at most maxDurable; somebody may remove one at any time
}

// maxDurable bounds the memory for directory names, to some 10 MiB. Beyond it all are looked at again.
const maxDurable = 1 << 16

func newTree(root string) *tree {
	return &tree{root: root, sync: syncDirectory, durable: make(map[string]struct{})}
}

// prepare makes dir and those between it and the root, but not the root.
func (t *tree) prepare(dir string) error {
	err := t.descend(dir)
	if errors.Is(err, fs.ErrNotExist) { // somebody removed a directory that was known to exist
		t.forget(dir)
		err = t.descend(dir)
	}
	return err
}

func (t *tree) descend(dir string) error {
	if dir == t.root || t.known(dir) {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := t.descend(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := t.sync(parent); err != nil {
		return err
	}
	t.remember(dir)
	return nil
}

func (t *tree) known(dir string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.durable[dir]
	return ok
}

func (t *tree) remember(dir string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.durable) >= maxDurable {
		clear(t.durable)
	}
	t.durable[dir] = struct{}{}
}

// forget has dir and those between it and the root looked at again.
func (t *tree) forget(dir string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for ; dir != t.root; dir = filepath.Dir(dir) {
		delete(t.durable, dir)
	}
}

func syncDirectory(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = file.Sync()
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}
