package keyring

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"time"

	"hydrant/buffer"
	"hydrant/buffer/checked"
)

// file is what lies in the data directory. It holds no secret in plain.
type file struct {
	Format int              `json:"format"`
	Writes uint64           `json:"writes"` // tells which of the two copies is newer
	Last   buffer.DataKeyID `json:"last"`   // the highest id that was ever given
	Keys   []wrappedKey     `json:"keys"`
}

type wrappedKey struct {
	ID      buffer.DataKeyID `json:"id"`
	Master  string           `json:"master"`
	Wrapped []byte           `json:"wrapped"`
	Made    time.Time        `json:"made"`
}

const (
	fileName   = "keys.json"
	copyName   = fileName + ".copy" // written after the first, so that one of them is always whole
	fileFormat = 1

	mostWrites = math.MaxUint64 - 1 // no ring comes there, but a file may say so
)

func (f file) clone() file {
	f.Keys = slices.Clone(f.Keys)
	return f
}

// read takes in the copies that can be trusted, the newest first: they differ where a process was killed between the two, or
// where somebody put one back from a backup, which must not take away what was made since. Where there is none at all the ring
// is empty; where there is one that cannot be trusted, and no other, nothing is known, and nothing is written over it. Called
// with changing held.
func (r *Ring) read() {
	var found []file
	var errs []error
	for _, name := range []string{fileName, copyName} {
		f, err := readFile(filepath.Join(r.cfg.Dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			errs = append(errs, err)
		default:
			found = append(found, f)
		}
	}
	if len(found) == 0 && len(errs) > 0 {
		r.unread = fmt.Errorf("the data keys cannot be read (%w): put %s or %s back from a backup", errors.Join(errs...), fileName, copyName)
		r.cfg.Log.Error("encrypted streams hold", "reason", r.unread)
		return
	}
	r.unread = nil
	slices.SortStableFunc(found, func(a, b file) int { return cmp.Compare(b.Writes, a.Writes) })
	for _, f := range found {
		r.merge(f)
	}
}

func readFile(path string) (f file, err error) {
	err = checked.Read(path, &f)
	switch name := filepath.Base(path); {
	case err != nil:
	case f.Format != fileFormat:
		err = fmt.Errorf("%s was written in format %d; this version reads format %d: start the version that wrote it", name, f.Format, fileFormat)
	case f.Writes == 0 || f.Writes > mostWrites:
		err = fmt.Errorf("%s says that it was written %d times", name, f.Writes)
	}
	return f, err
}

// merge adds the keys of a file that are not known. Called with changing held.
func (r *Ring) merge(f file) {
	r.file.Writes, r.file.Last = max(r.file.Writes, f.Writes), max(r.file.Last, f.Last)
	for _, k := range f.Keys {
		r.file.Last = max(r.file.Last, k.ID)
		if !slices.ContainsFunc(r.file.Keys, func(have wrappedKey) bool { return have.ID == k.ID }) {
			r.file.Keys = append(r.file.Keys, k)
			r.expect(k.ID)
		}
	}
}

// expect counts a key as missing until it is opened.
func (r *Ring) expect(id buffer.DataKeyID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.missing[id] == nil {
		r.missing[id] = &buffer.DataKeyError{ID: id, Code: buffer.KeyUnreachable, Reason: "its master key was not asked yet"}
	}
}

// write makes next durable and then what is known. Called with changing held.
func (r *Ring) write(next file) error {
	next.Format = fileFormat
	next.Writes = min(r.file.Writes, mostWrites-1) + 1 // of two copies that say the same the first is the newer
	for _, name := range []string{fileName, copyName} {
		if err := checked.Write(filepath.Join(r.cfg.Dir, name), next); err != nil {
			return err
		}
	}
	r.file = next
	return nil
}
