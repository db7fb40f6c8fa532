// Package checked keeps small files that must be whole or not there at all: they are put in place in one step, durable when
// that returns, and say by a checksum whether they can be trusted.
package checked

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Write puts v in place as a line of JSON and a line with its checksum, whole or not at all, and durable on return.
func Write(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeSynced(path, append(data, checksumLine(data)...))
}

// Read reads what Write wrote. An error that is not fs.ErrNotExist says that the file cannot be trusted.
func Read(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	line, _, _ := bytes.Cut(data, []byte{'\n'})
	if !bytes.Equal(data[len(line):], checksumLine(line)) {
		return fmt.Errorf("%s is damaged: its checksum does not fit", path)
	}
	if err := json.Unmarshal(line, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func checksumLine(data []byte) []byte {
	return fmt.Appendf(nil, "\ncrc32c:%08x\n", crc32.Checksum(data, castagnoli))
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
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes the names in a directory durable.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
