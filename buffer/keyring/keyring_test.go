package keyring

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hydrant/buffer"
)

// world is a data directory, and the key files of an operator.
type world struct {
	*testing.T
	dir  string
	file string      // of master keys
	down atomic.Bool // the master keys cannot be asked
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, dir: t.TempDir(), file: filepath.Join(t.TempDir(), "master")}
	w.write(w.file, NewMasterKey())
	return w
}

func (w *world) write(path, text string) {
	w.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
}

func (w *world) masters(string) (Master, error) {
	if w.down.Load() {
		return nil, errors.New("connection refused")
	}
	return KeyFile(w.file), nil
}

func (w *world) open() *Ring {
	r := New(Config{Dir: w.dir, Masters: w.masters})
	r.Open(w.Context())
	return r
}

func (w *world) make(r *Ring, used buffer.DataKeyID) buffer.DataKeyID {
	w.Helper()
	id, err := r.Make(w.Context(), "node", used)
	if err != nil {
		w.Fatal(err)
	}
	return id
}

// sealed is a block under a key, and opens tells whether a ring opens it.
func (w *world) sealed(r *Ring, id buffer.DataKeyID) []byte {
	w.Helper()
	key, err := r.Key(id)
	if err != nil {
		w.Fatal(err)
	}
	var b buffer.Builder
	b.Add([]byte("record"), 1)
	return b.EncodeSealed(buffer.LaneID{}, 1, key)
}

func (w *world) opens(r *Ring, block []byte) error { return new(buffer.Block).Decode(block, r) }

func (w *world) wantCode(err error, code, text string) {
	w.Helper()
	var e *buffer.DataKeyError
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(err.Error(), text) {
		w.Errorf("got %v, want %s and %q", err, code, text)
	}
}

func TestKeysSurviveARestart(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	first, second := w.make(r, 0), w.make(r, 0)
	if first != 1 || second != 2 {
		t.Fatalf("ids %d and %d", first, second)
	}
	block := w.sealed(r, second)
	again := w.open()
	if err := w.opens(again, block); err != nil {
		t.Error(err)
	}
	key, err := r.Key(first)
	if same, err2 := r.Key(first); err != nil || err2 != nil || same != key {
		t.Error("a key is another one each time")
	}
	for _, name := range []string{fileName, copyName} {
		if err := os.Remove(filepath.Join(w.dir, name)); err != nil {
			t.Fatal(err)
		}
		if err := w.opens(w.open(), block); (err != nil) != (name == copyName) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

// An id is never given twice: not after a key was forgotten, and not after the file was lost.
func TestIDsAreNeverReused(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	w.make(r, 0)
	last := w.make(r, 0)
	if err := r.Keep(map[buffer.DataKeyID]bool{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Key(last); err == nil {
		t.Error("a key is there after it was forgotten")
	}
	if id := w.make(w.open(), 0); id != last+1 {
		t.Errorf("after %d comes %d", last, id)
	}
	w.dir = t.TempDir()
	if id := w.make(w.open(), 41); id != 42 {
		t.Errorf("an empty ring beside a log with key 41 gives %d", id)
	}
}

// What is forgotten is on the disk no more, and what is needed stays.
func TestKeep(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	gone, kept := w.make(r, 0), w.make(r, 0)
	block := w.sealed(r, kept)
	if err := r.Keep(map[buffer.DataKeyID]bool{kept: true}); err != nil {
		t.Fatal(err)
	}
	again := w.open()
	if err := w.opens(again, block); err != nil {
		t.Error(err)
	}
	_, err := again.Key(gone)
	w.wantCode(err, buffer.KeyNotFound, "put one of them back")
	if n := len(again.file.Keys); n != 1 {
		t.Errorf("%d keys are kept", n)
	}
}

func TestMasterKeyIsLostAndBack(t *testing.T) {
	w := newWorld(t)
	id := w.make(w.open(), 0)
	block := w.sealed(w.open(), id)
	away := w.file + ".away"
	if err := os.Rename(w.file, away); err != nil {
		t.Fatal(err)
	}
	r := w.open()
	w.wantCode(w.opens(r, block), buffer.KeyNotFound, "does not exist")
	_, err := r.Make(t.Context(), "node", 0)
	w.wantCode(err, buffer.KeyNotFound, "does not exist")
	w.wantCode(r.Try(t.Context(), "node"), buffer.KeyNotFound, "does not exist")
	if missing := r.Missing(); len(missing) != 1 || missing[0].ID != id {
		t.Errorf("missing: %v", missing)
	}

	w.write(w.file, NewMasterKey())
	if r.again(t.Context(), func() bool { return false }) {
		t.Error("all is well with another master key")
	}
	w.wantCode(w.opens(r, block), buffer.KeyNotFound, "is not in")
	w.write(w.file, "not a key")
	r.again(t.Context(), func() bool { return false })
	w.wantCode(w.opens(r, block), buffer.KeyInvalidState, "hydrant keys master")

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx, func() bool { return false }) }()
	if err := os.Rename(away, w.file); err != nil {
		t.Fatal(err)
	}
	for w.opens(r, block) != nil {
		time.Sleep(time.Millisecond)
	}
	if len(r.Missing()) > 0 {
		t.Errorf("missing: %v", r.Missing())
	}
	cancel()
	<-done
}

// After one start with the new key in front, the old one is not needed any more.
func TestMasterKeyRotates(t *testing.T) {
	w := newWorld(t)
	id := w.make(w.open(), 0)
	block := w.sealed(w.open(), id)
	old, err := os.ReadFile(w.file)
	if err != nil {
		t.Fatal(err)
	}
	fresh := NewMasterKey()
	w.write(w.file, "# since today\n"+fresh+"\r\n\n"+string(old))
	if err := w.opens(w.open(), block); err != nil {
		t.Fatal(err)
	}
	w.write(w.file, fresh)
	if err := w.opens(w.open(), block); err != nil {
		t.Errorf("with the new key alone: %v", err)
	}
	w.write(w.file, string(old))
	w.wantCode(w.opens(w.open(), block), buffer.KeyNotFound, "is not in")
}

func TestMasterKeyForms(t *testing.T) {
	w := newWorld(t)
	good, key := NewMasterKey(), bytes.Repeat([]byte{7}, masterSize)
	for text, want := range map[string]int{
		good: 1, good + "\n": 1, " " + hex.EncodeToString(key) + "\r\n" + good: 2,
		"": 0, "\n#" + good: 0, "AAAA": 0, hex.EncodeToString(key[:31]): 0, good + good: 0, good + "\nAAAA": 0,
	} {
		w.write(w.file, text)
		keys, err := KeyFile(w.file).read()
		if len(keys) != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d keys, %v", text, len(keys), err)
		}
	}
}

// A KMS that cannot be reached is no reason not to start, nor to forget anything.
func TestMasterKeysCannotBeAsked(t *testing.T) {
	w := newWorld(t)
	id := w.make(w.open(), 0)
	block := w.sealed(w.open(), id)
	w.down.Store(true)
	r := w.open()
	w.wantCode(w.opens(r, block), buffer.KeyUnreachable, "connection refused")
	w.down.Store(false)
	if !r.again(t.Context(), func() bool { return false }) || w.opens(r, block) != nil {
		t.Error("the key is not back")
	}
}

// A damaged file is told, never taken for an empty one and never written over; put back, it serves.
func TestDamagedFile(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	id := w.make(r, 0)
	block := w.sealed(r, id)
	good, err := os.ReadFile(filepath.Join(w.dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	bad := bytes.Replace(good, []byte("wrapped"), []byte("wr4pped"), 1)
	w.write(filepath.Join(w.dir, fileName), string(bad))
	if err := w.opens(w.open(), block); err != nil {
		t.Errorf("from the copy: %v", err)
	}
	w.write(filepath.Join(w.dir, copyName), string(bad))
	r = w.open()
	w.wantCode(w.opens(r, block), buffer.KeyNotFound, "from a backup")
	_, err = r.Make(t.Context(), "node", id)
	w.wantCode(err, buffer.KeyInvalidState, "is damaged")
	if err := r.Keep(nil); err != nil {
		t.Error(err)
	}
	if now, err := os.ReadFile(filepath.Join(w.dir, fileName)); err != nil || !bytes.Equal(now, bad) {
		t.Error("the damaged file was written over")
	}
	w.write(filepath.Join(w.dir, copyName), string(good))
	if !r.again(t.Context(), func() bool { return true }) || w.opens(r, block) != nil {
		t.Error("the keys are not back")
	}
}

// A backup that is put back while the node runs adds its keys, and takes none away.
func TestBackupIsMerged(t *testing.T) {
	w := newWorld(t)
	id := w.make(w.open(), 0)
	block := w.sealed(w.open(), id)
	backup, err := os.ReadFile(filepath.Join(w.dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{fileName, copyName} {
		if err := os.Remove(filepath.Join(w.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	r := w.open()
	later := w.make(r, id)
	w.write(filepath.Join(w.dir, fileName), string(backup))
	if !r.again(t.Context(), func() bool { return true }) {
		t.Errorf("missing: %v", r.Missing())
	}
	if err := w.opens(r, block); err != nil {
		t.Error(err)
	}
	if _, err := r.Key(later); err != nil {
		t.Error(err)
	}
	w.make(r, 0)
	again := w.open()
	for _, id := range []buffer.DataKeyID{id, later, later + 1} {
		if _, err := again.Key(id); err != nil {
			t.Error(err)
		}
	}
}

// A backup that is put back while the node is stopped takes nothing away either: what was made without it is in the other file.
func TestBackupIsMergedAtAStart(t *testing.T) {
	w := newWorld(t)
	id := w.make(w.open(), 0)
	backup, err := os.ReadFile(filepath.Join(w.dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	for _, restored := range []string{fileName, copyName} {
		for _, name := range []string{fileName, copyName} {
			if err := os.Remove(filepath.Join(w.dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		later := w.make(w.open(), id)
		w.write(filepath.Join(w.dir, restored), string(backup))
		for range 2 { // also when both files are written anew
			again := w.open()
			for _, id := range []buffer.DataKeyID{id, later} {
				if _, err := again.Key(id); err != nil {
					t.Errorf("with a backup as %s: %v", restored, err)
				}
			}
			w.make(again, 0)
		}
	}
}

// Wrapped keys are bound to their ids, and a changed one does not open.
func FuzzUnwrap(f *testing.F) {
	dir := f.TempDir()
	file := KeyFile(filepath.Join(dir, "master"))
	if err := os.WriteFile(string(file), []byte(NewMasterKey()), 0o600); err != nil {
		f.Fatal(err)
	}
	secret, wrapped, err := file.New(f.Context(), 1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(wrapped, uint32(1))
	f.Add(wrapped, uint32(2))
	f.Add(wrapped[:len(wrapped)-1], uint32(1))
	f.Add([]byte{wrapFormat}, uint32(1))
	f.Fuzz(func(t *testing.T, data []byte, id uint32) {
		got, _, err := file.Open(t.Context(), buffer.DataKeyID(id), data)
		if same := bytes.Equal(data, wrapped) && id == 1; same != (err == nil) {
			t.Fatalf("opened: %v", err)
		}
		if err == nil && !bytes.Equal(got, secret) {
			t.Fatal("another secret")
		}
	})
}
