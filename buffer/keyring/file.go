package keyring

import (
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
)

func (f file) clone() file {
	f.Keys = slices.Clone(f.Keys)
	return f
}

// read takes in the newest copy that can be trusted. Where there is none at all the ring is empty; where there is one that
// cannot be trusted nothing is known, and nothing is written over it. Called with changing held.
func (r *Ring) read() {
	var newest file
	var errs []error
	for _, name := range []string{fileName, copyName} {
		var f file
		err := checked.Read(filepath.Join(r.cfg.Dir, name), &f)
		if err == nil && f.Format != fileFormat {
			err = fmt.Errorf("%s was written in format %d; this version reads format %d: start the version that wrote it", name, f.Format, fileFormat)
		}
		if err == nil && (f.Writes == 0 || f.Writes == math.MaxUint64) {
			err = fmt.Errorf("%s says that it was written %d times", name, f.Writes)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			errs = append(errs, err)
		case f.Writes > newest.Writes:
			newest = f
		}
	}
	if newest.Writes == 0 && len(errs) > 0 {
		r.unread = fmt.Errorf("the data keys cannot be read (%w): put %s or %s back from a backup", errors.Join(errs...), fileName, copyName)
		r.cfg.Log.Error("encrypted streams hold", "reason", r.unread)
		return
	}
	r.unread = nil
	r.file.Writes, r.file.Last = max(r.file.Writes, newest.Writes), max(r.file.Last, newest.Last)
	for _, k := range newest.Keys {
		r.file.Last = max(r.file.Last, k.ID)
		known := slices.ContainsFunc(r.file.Keys, func(have wrappedKey) bool { return have.ID == k.ID })
		if !known { // a backup that was put back does not take away what was made meanwhile
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
	next.Writes = r.file.Writes + 1
	for _, name := range []string{fileName, copyName} {
		if err := checked.Write(filepath.Join(r.cfg.Dir, name), next); err != nil {
			return err
		}
	}
	r.file = next
	return nil
}
