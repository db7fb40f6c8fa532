// Package directory keeps objects as files in a directory tree of this machine.
//
// A file is written and synced beside the tree, then linked to its name, which fails if the name is taken. So an
// object appears whole or not at all, and no program that reads the tree ever sees an unfinished one.
package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"hydrant/delivery"
	"hydrant/stream"
)

// Destination is a directory tree. Several processes may use the same one at once.
type Destination struct {
	root    string // absolute, without symbolic links
	scratch *scratch
	tree    *tree
	publish func(from, to string) error // gives the file a name of its own in the tree, or fails with fs.ErrExist
}

// New prepares the directory, which it makes if there is none, and a hidden one beside it for unfinished files: for
// ./objects that is ./.objects.tmp. Both must be on one file system, so the directory cannot be a mount point.
// Unfinished files of processes that are gone are removed.
func New(definition stream.Directory) (*Destination, error) {
	root, err := prepareRoot(definition.Path)
	if err != nil {
		told, _ := advised(err)
		return nil, fmt.Errorf("destination directory %q: %w", definition.Path, told)
	}
	parent, name := filepath.Split(root)
	unfinished, err := openScratch(filepath.Join(parent, "."+name+".tmp"))
	if err != nil {
		return nil, fmt.Errorf("destination directory %q: prepare a place for unfinished files beside it: %w",
			definition.Path, err)
	}
	if err := unfinished.probe(root); err != nil {
		_ = unfinished.close() // the probe's error says what is wrong
		if errors.Is(err, syscall.EXDEV) {
			err = fmt.Errorf("it is a mount point, and files cannot be moved into it at once from beside it: "+
				"choose a directory below it, such as %s: %w", filepath.Join(definition.Path, "objects"), err)
		}
		return nil, fmt.Errorf("destination directory %q: %w", definition.Path, err)
	}
	return &Destination{root: root, scratch: unfinished, tree: newTree(root), publish: publish}, nil
}

// Close removes the place for unfinished files. No other method may run or be called again.
func (d *Destination) Close() error { return d.scratch.close() }

// Create needs twice a flush of the disk: for the file, and for its name in its directory.
func (d *Destination) Create(ctx context.Context, o *delivery.Object) error {
	path, err := d.path(o.Key)
	if err != nil {
		return refused("create", o.Key, err)
	}
	file, err := d.scratch.write(ctx, o.Body)
	if err != nil {
		return refused("create", o.Key, err)
	}
	fileWritten.Reach()
	defer os.Remove(file) // a second name of the object by then, or of a file that was not to be; swept if this fails

	return d.name(file, path, o.Key)
}

// name makes the finished file visible under its path, durably.
func (d *Destination) name(file, path, key string) error {
	dir := filepath.Dir(path)
	if err := d.tree.prepare(dir); err != nil {
		return refused("create", key, err)
	}
	err := d.publish(file, path)
	if errors.Is(err, fs.ErrNotExist) { // somebody removed a directory that was known to exist
		d.tree.forget(dir)
		if err := d.tree.prepare(dir); err != nil {
			return refused("create", key, err)
		}
		err = d.publish(file, path)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return d.existing(path, key)
	case err != nil:
		return unnamed("create", key, err)
	}
	fileNamed.Reach()
	if err := d.tree.sync(dir); err != nil {
		return unknown("create", key, err)
	}
	return nil
}

// existing is Create's answer where something has the object's name.
func (d *Destination) existing(path, key string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return refused("create", key, err)
	case !info.Mode().IsRegular():
		return refused("create", key, &keyError{"a directory or special file has it: remove it or change the prefix"})
	}
	// Whoever created it may have been killed before its name was durable. Found is as good as created only now.
	if err := d.tree.sync(filepath.Dir(path)); err != nil {
		return refused("create", key, err)
	}
	return delivery.ErrExists
}

// Stat finds no metadata: a file has nowhere to keep it. The object it finds is durable.
func (d *Destination) Stat(_ context.Context, key string) (delivery.Metadata, error) {
	path, err := d.path(key)
	if err != nil {
		return delivery.Metadata{}, refused("stat", key, err)
	}
	if err := regular(os.Stat(path)); err != nil {
		return delivery.Metadata{}, failed("stat", key, err)
	}
	// As in Create: the answer may decide that the object is delivered.
	if err := d.tree.prepare(filepath.Dir(path)); err != nil {
		return delivery.Metadata{}, failed("stat", key, err)
	}
	return delivery.Metadata{}, failed("stat", key, d.tree.sync(filepath.Dir(path)))
}

func (d *Destination) Open(_ context.Context, key string) (io.ReadCloser, error) {
	path, err := d.path(key)
	if err != nil {
		return nil, refused("open", key, err)
	}
	if err := regular(os.Stat(path)); err != nil {
		return nil, failed("open", key, err)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, failed("open", key, err)
	}
	return file, nil
}

// regular says that only a regular file is an object.
func regular(info fs.FileInfo, err error) error {
	if err == nil && !info.Mode().IsRegular() {
		return fs.ErrNotExist
	}
	return err
}

// prepareRoot makes the directory and returns its path, absolute and without symbolic links: what lies beside a link
// may be on another file system than what lies beside the directory.
func prepareRoot(path string) (string, error) {
	if path == "" {
		return "", errors.New("path is empty: name a directory")
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return "", err
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	root, err := filepath.EvalSymlinks(absolute)
	if err != nil {
		return "", err
	}
	parent := filepath.Dir(root)
	if parent == root {
		return "", errors.New("it is the root of all files: choose a directory below it")
	}
	if err := syncDirectory(parent); err != nil {
		return "", err
	}
	for parent != filepath.Dir(parent) {
		parent = filepath.Dir(parent)
		_ = syncDirectory(parent) // those we made can be synced, and others need not be readable
	}
	return root, nil
}
