package badgerlog

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"hydrant/buffer"
	"hydrant/buffer/buffertest"
	"hydrant/buffer/checked"
)

// holds reports whether any file below dir has the text in it.
func holds(t *testing.T, dir, text string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		found = found || bytes.Contains(data, []byte(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// What is stored in plain is found on the disk, and what is encrypted is not: not after an append, a rewrite, a crash or an
// orderly end; and inspect tells of it without the key.
func TestNothingOfAnEncryptedStreamIsOnDiskInPlain(t *testing.T) {
	const marker = "the-quick-brown-marker"
	for _, key := range []buffer.DataKeyID{0, 7} {
		t.Run(fmt.Sprint("key ", key), func(t *testing.T) {
			t.Parallel()
			keys := new(buffertest.DataKeys)
			r := openRig(t, Config{Dir: t.TempDir(), DataKeys: keys})
			d := buffer.Definition{Stream: r.id, Name: r.lanes[r.id].name, Logic: 1, Data: []byte("{}"), Key: key}
			if _, err := r.Define(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			for i := range 40 {
				record := []byte(fmt.Sprint(i, marker))
				if i%2 == 0 {
					record = append(record, randomBlock(ownBlocks)...)
				}
				if _, err := r.Append(t.Context(), buffer.Batch{Stream: r.id, Records: [][]byte{record}}); err != nil {
					t.Fatal(err)
				}
			}
			crashed := copyDir(t, r.cfg.Dir) // there files come and go
			if got := holds(t, crashed, marker); got != (key == 0) {
				t.Errorf("the marker is on disk: %v", got)
			}
			report, err := Inspect(crashed)
			if err != nil || len(report.Damage) > 0 {
				t.Fatalf("inspect without the key: %v, %+v", err, report)
			}
			for _, s := range report.Streams {
				for _, b := range s.Blocks {
					if b.Key != key {
						t.Errorf("inspect says that the block at %d has key %d", b.First, b.Key)
					}
				}
			}
		})
	}
}

// A definition that cannot be stored brings no data key: records before it, beside it and behind it are under the one in
// force. No version would name the other, which could be destroyed then.
func TestDefinitionThatFailsBringsNoKey(t *testing.T) {
	t.Parallel()
	r := openRig(t, Config{Dir: t.TempDir(), MaxDisk: MinDisk, DataKeys: new(buffertest.DataKeys)})
	define := func(key buffer.DataKeyID, data []byte) error {
		_, err := r.Define(t.Context(), buffer.Definition{Stream: r.id, Name: r.lanes[r.id].name, Logic: 1, Data: data, Key: key})
		return err
	}
	if err := define(1, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	for key, record := range map[buffer.DataKeyID]string{0: "beside", 2: ""} {
		var beside sync.WaitGroup
		var over atomic.Bool
		for range 4 {
			beside.Go(func() {
				for !over.Load() {
					_, err := r.add([]byte(record))
					if full := new(buffer.FullError); err != nil && !errors.As(err, &full) {
						t.Error(err)
					}
				}
			})
		}
		err := define(key, randomBlock(MinDisk))
		over.Store(true)
		beside.Wait()
		if full := new(buffer.FullError); !errors.As(err, &full) {
			t.Fatalf("a definition larger than the disk returned %v", err)
		}
		r.mustAdd("behind")
	}
	var b buffer.Block
	for after := buffer.Seq(0); after < r.lane.Info().Head; after = b.Last() {
		if err := r.lane.Read(t.Context(), after, &b); err != nil {
			t.Fatal(err)
		}
		if b.Key != 1 {
			t.Errorf("the block at %d has key %d", b.First, b.Key)
		}
	}
}

// A program that knows nothing of encryption is kept away from a log that has had an encrypted stream.
func TestAnEncryptedLogSaysSo(t *testing.T) {
	keys := new(buffertest.DataKeys)
	dir := t.TempDir()
	format := func() (id identity) {
		t.Helper()
		for _, name := range []string{copyName, identityName} {
			if err := checked.Read(filepath.Join(dir, name), &id); err != nil {
				t.Fatal(err)
			}
		}
		return id
	}
	r := openRig(t, Config{Dir: dir, DataKeys: keys})
	if got := format().Format; got != formatVersion {
		t.Errorf("a log without encryption has format %d", got)
	}
	d := buffer.Definition{Stream: r.id, Name: r.lanes[r.id].name, Logic: 1, Key: 1}
	if _, err := r.Define(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if id := format(); id.Format != sealedVersion || id.Epoch != r.origin.Epoch {
		t.Errorf("afterwards it is %+v", id)
	}
	again := openRig(t, Config{Dir: copyDir(t, dir), DataKeys: keys})
	if again.origin.Epoch != r.origin.Epoch+1 || again.lanes[r.id].key != 1 {
		t.Errorf("opened again: epoch %d, key %d", again.origin.Epoch, again.lanes[r.id].key)
	}
	newer := t.TempDir()
	written := identity{Format: sealedVersion + 1, Incarnation: strings.Repeat("0", 32), Epoch: 1}
	if err := checked.Write(filepath.Join(newer, identityName), written); err != nil {
		t.Fatal(err)
	}
	if _, err := readIdentity(newer); err == nil || !strings.Contains(err.Error(), "start the version that wrote it") {
		t.Errorf("a newer format: %v", err)
	}
}

// A definition's key changes between the packing of a large batch and its place in the log: it is packed again.
func TestKeyChangesWhileABatchIsPacked(t *testing.T) {
	keys := new(buffertest.DataKeys)
	r := openRig(t, Config{Dir: t.TempDir(), DataKeys: keys})
	name := r.lanes[r.id].name
	done := make(chan error, 4)
	for range cap(done) {
		go func() {
			var err error
			for range 20 {
				_, e := r.Append(t.Context(), buffer.Batch{Stream: r.id, Records: [][]byte{randomBlock(200 << 10)}})
				err = errors.Join(err, e)
			}
			done <- err
		}()
	}
	for i := range 20 {
		d := buffer.Definition{Stream: r.id, Name: name, Logic: 1, Key: buffer.DataKeyID(i % 3)}
		if _, err := r.Define(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	var b buffer.Block
	lane := r.lanes[r.id]
	for after := buffer.Seq(0); after < lane.Info().Head; after = b.Last() {
		if err := lane.Read(t.Context(), after, &b); err != nil {
			t.Fatal(err)
		}
		if b.Key != b.Version.Key {
			t.Fatalf("the block at %d has key %d, its version %d", b.First, b.Key, b.Version.Key)
		}
	}
}
