package badgerlog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// reserveSpace stays free on the disk for closing what is open and for the objects' own temporary files.
const reserveSpace = 64 << 20

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// writeSynced puts a file in place, whole or not at all, and durable on return.
func writeSynced(path string, data []byte) error {
	temporary := path + ".tmp"
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// diskUsage is what the files below dir occupy, holes left out.
func diskUsage(dir string) int64 {
	var total int64
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil // what vanishes meanwhile occupies nothing
		}
		if info, err := e.Info(); err == nil {
			total += occupied(info)
		}
		return nil
	})
	return total
}
