package bench

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// A source is a destination of Hydrant's, seen from outside.
type source interface {
	// list shows the key of each object, in any order, in the caller's goroutine. It ends with visit's first error.
	list(ctx context.Context, visit func(key string) error) error
	// open reads an object. The caller closes it.
	open(ctx context.Context, key string) (io.ReadCloser, error)
}

func openSource(ctx context.Context, o VerifyOptions) (source, error) {
	if o.Dir != "" {
		root, err := os.OpenRoot(o.Dir)
		if err != nil {
			return nil, fmt.Errorf("dir: %w", err)
		}
		return directory{root: root}, nil
	}
	return newBucket(ctx, o)
}

// A directory's objects are the files below it. Names that begin with a dot are not objects: they are files in the
// making, and lock files.
type directory struct{ root *os.Root }

func (d directory) list(ctx context.Context, visit func(key string) error) error {
	return fs.WalkDir(d.root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != "." && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !entry.Type().IsRegular():
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return visit(path)
	})
}

func (d directory) open(_ context.Context, key string) (io.ReadCloser, error) {
	return d.root.Open(key)
}

func (d directory) Close() error { return d.root.Close() }
