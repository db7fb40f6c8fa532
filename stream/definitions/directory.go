package definitions

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Directory is the store of one node: a file for each document, which begins with the hash of the rest. It belongs to one
// process.
type Directory struct {
	path string
	mu   sync.Mutex
}

const (
	suffix    = ".json"
	temporary = ".new" // never the end of a document's name
)

// OpenDirectory opens the store at path, and makes it where there is none.
func OpenDirectory(path string) (*Directory, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("open the store of definitions: %w", err)
	}
	if err := syncPath(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("open the store of definitions: %w", err)
	}
	return &Directory{path: path}, nil
}

// Load implements Store.
func (d *Directory) Load(context.Context) (map[string]Document, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	files, err := os.ReadDir(d.path)
	if err != nil {
		return nil, fmt.Errorf("read the store of definitions: %w", err)
	}
	documents := map[string]Document{}
	var errs []error
	for _, file := range files {
		name, ok := strings.CutSuffix(file.Name(), suffix)
		if !ok {
			continue // what a process that was killed had not finished
		}
		document, err := d.read(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		documents[name] = document
	}
	return documents, errors.Join(errs...)
}

// Put implements Store.
func (d *Directory) Put(_ context.Context, name string, data []byte, expected Version) (Version, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.expect(name, expected); err != nil {
		return "", err
	}
	version := versionOf(data)
	if err := d.write(name, append([]byte(string(version)+"\n"), data...)); err != nil {
		return "", fmt.Errorf("keep the definition of stream %s: %w", name, err)
	}
	return version, nil
}

// Delete implements Store.
func (d *Directory) Delete(_ context.Context, name string, expected Version) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.expect(name, expected); err != nil {
		return err
	}
	err := os.Remove(d.file(name))
	if err == nil {
		err = syncPath(d.path)
	}
	if err != nil {
		return fmt.Errorf("remove the definition of stream %s: %w", name, err)
	}
	return nil
}

func (d *Directory) file(name string) string { return filepath.Join(d.path, name+suffix) }

func (d *Directory) read(name string) (Document, error) {
	text, err := os.ReadFile(d.file(name))
	if err != nil {
		return Document{}, fmt.Errorf("read the definition of stream %s: %w", name, err)
	}
	hash, data, _ := bytes.Cut(text, []byte{'\n'})
	if version := versionOf(data); string(version) == string(hash) {
		return Document{Data: data, Version: version}, nil
	}
	return Document{}, fmt.Errorf("the definition of stream %s is damaged: %s does not have the hash that it begins with; "+
		"create the stream again after removing the file", name, d.file(name))
}

// expect reports whether the document is at a version. One that is damaged is at none.
func (d *Directory) expect(name string, expected Version) error {
	document, err := d.read(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if document.Version != expected {
		return fmt.Errorf("stream %s: %w", name, ErrConflict)
	}
	return nil
}

// write replaces a file: after a crash either the old text is there or the new one.
func (d *Directory) write(name string, text []byte) error {
	path := d.file(name)
	file, err := os.Create(path + temporary)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(path+temporary))
	}
	if err := os.Rename(path+temporary, path); err != nil {
		return err
	}
	return syncPath(d.path)
}

func versionOf(data []byte) Version {
	sum := sha256.Sum256(data)
	return Version(hex.EncodeToString(sum[:]))
}

// syncPath makes the entries of a directory durable.
func syncPath(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
