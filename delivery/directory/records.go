package directory

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"hydrant/delivery"
)

// recordPrefix begins the names of records, which lie beside the tree, where unfinished files are.
const recordPrefix = "lease-"

func (d *Destination) recordPath(name string) string {
	return filepath.Join(filepath.Dir(d.scratch.dir), recordPrefix+filepath.Base(name))
}

// RecordPlace implements delivery.RecordKeeper.
func (d *Destination) RecordPlace(name string) string { return "the file " + d.recordPath(name) }

// LoadRecord reads a file; its tag is its content, which has a count of its own.
func (d *Destination) LoadRecord(_ context.Context, name string) (data []byte, tag string, err error) {
	data, err = os.ReadFile(d.recordPath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", delivery.ErrNotExist
	}
	if err != nil {
		return nil, "", unknown("lease", name, err)
	}
	return data, string(data), nil
}

// StoreRecord replaces the file at once, under the lock that all processes with this root share.
func (d *Destination) StoreRecord(ctx context.Context, name, tag string, data []byte) error {
	path := d.recordPath(name)
	entrance := lockFile(filepath.Dir(path))
	if err := entrance.Lock(); err != nil {
		return unknown("lease", name, err)
	}
	defer entrance.Close()
	current, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unknown("lease", name, err)
	}
	if !bytes.Equal(current, []byte(tag)) {
		return delivery.ErrExists
	}
	file, err := d.scratch.write(ctx, delivery.Body{data})
	if err != nil {
		return unknown("lease", name, err)
	}
	if err := os.Rename(file, path); err != nil {
		return unknown("lease", name, errors.Join(err, os.Remove(file)))
	}
	if err := syncDirectory(filepath.Dir(path)); err != nil {
		return unknown("lease", name, err)
	}
	return nil
}
