package directory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// tree makes directories below the root, durably: a directory's entry in its parent is synced before anything is put
// into it, also where another process made it and may have been killed since.
type tree struct {
	root string

	mu      sync.Mutex
	durable map[string]struct{} // at most maxDurable; somebody may remove one at any time
}

// maxDurable bounds the memory for directory names, to some 10 MiB. Beyond it all are looked at again.
const maxDurable = 1 << 16

func newTree(root string) *tree {
	return &tree{root: root, durable: make(map[string]struct{})}
}

// prepare makes dir and those between it and the root.
func (t *tree) prepare(dir string) error {
	if dir == t.root || t.known(dir) {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := t.prepare(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := syncDirectory(parent); err != nil {
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

// path is where the object with this key lies. A key comes from records, so it is an outsider's word: it may name
// nothing outside the tree.
func (d *Destination) path(key string) (string, error) {
	if len(key) > 1024 {
		return "", &keyError{fmt.Sprintf("it has %d bytes: at most 1,024 are allowed", len(key))}
	}
	for segment := range strings.SplitSeq(key, "/") {
		switch {
		case segment == "":
			return "", &keyError{"it has an empty segment, so it is no file name: remove the extra slash from the prefix"}
		case segment == "." || segment == "..":
			return "", &keyError{fmt.Sprintf("its segment %q is no file name", segment)}
		case len(segment) > 255:
			return "", &keyError{fmt.Sprintf("its segment %.20q... has %d bytes: at most 255 are allowed",
				segment, len(segment))}
		case strings.ContainsRune(segment, 0):
			return "", &keyError{fmt.Sprintf("its segment %q has a zero byte", segment)}
		}
	}
	return filepath.Join(d.root, filepath.FromSlash(key)), nil
}
