package replay

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Object is an original.
type Object struct {
	Key  string `json:"key"`
	Tag  string `json:"tag,omitempty"` // by which the store tells contents apart; empty in a directory
	Size int64  `json:"size"`          // as stored, in bytes
}

// A Source is where originals are.
type Source interface {
	// Name tells it from other sources.
	Name() string
	// List shows each object, in any order, until visit fails.
	List(ctx context.Context, visit func(Object) error) error
	// Open reads an object. The caller closes it.
	Open(ctx context.Context, o Object) (io.ReadCloser, error)
	// Remove deletes an object; that it is gone is no error.
	Remove(ctx context.Context, o Object) error
}

// marksDirectory is where a source keeps its marks. Its name begins with a dot, so that nobody takes them for objects.
const marksDirectory = ".hydrant-replay"

// Directory is a source: the files below Path. Names that begin with a dot are not objects.
type Directory struct{ Path string }

// Name is the directory's path as it was given.
func (d Directory) Name() string { return d.Path }

// List walks the directory.
func (d Directory) List(ctx context.Context, visit func(Object) error) error {
	root, err := os.OpenRoot(d.Path)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		hidden := path != "." && strings.HasPrefix(entry.Name(), ".")
		switch {
		case err != nil:
			return err
		case hidden && entry.IsDir():
			return fs.SkipDir
		case hidden || !entry.Type().IsRegular():
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return visit(Object{Key: path, Size: info.Size()})
	})
}

// Open opens the file.
func (d Directory) Open(_ context.Context, o Object) (io.ReadCloser, error) {
	return os.OpenInRoot(d.Path, o.Key)
}

// Remove removes the file, and leaves its directory.
func (d Directory) Remove(_ context.Context, o Object) error {
	root, err := os.OpenRoot(d.Path)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Remove(o.Key); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("remove: %w", err)
	}
	return nil
}
