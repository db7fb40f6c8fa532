package badgerlog

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"hydrant/buffer"
)

// keyed is a batch of one record under a key.
func (r *rig) keyed(key, data string) buffer.Batch {
	return buffer.Batch{
		Stream:  r.id,
		Records: [][]byte{[]byte(data)},
		Key:     buffer.Key{ID: buffer.NewKeyID(r.id, "p", "o", []byte(key)), Payload: uint64(len(data))},
	}
}

// put appends a batch under a key and wants it stored now, or not.
func (r *rig) put(key, data string, duplicate bool) {
	r.t.Helper()
	receipt, err := r.Append(r.t.Context(), r.keyed(key, data))
	if err != nil || receipt.Duplicate != duplicate {
		r.t.Errorf("%s under %s: %+v, error %v, want duplicate %v", data, key, receipt, err, duplicate)
	}
}

// A repetition of a batch that is being synced waits for it; another payload is refused at once.
func TestRepetitionWaitsForTheFirst(t *testing.T) {
	var held sync.Mutex
	r := openRig(t, Config{Dir: t.TempDir(), sync: func(g *generation) error {
		held.Lock()
		defer held.Unlock()
		return g.sync()
	}})
	held.Lock()
	answers := make(chan buffer.Receipt, 2)
	for n := range 2 {
		go func() {
			receipt, err := r.Append(t.Context(), r.keyed("k", "a"))
			if err != nil {
				t.Error(err)
			}
			answers <- receipt
		}()
		if n == 0 {
			eventually(t, "the first batch is on its way", func() bool {
				r.mu.Lock()
				defer r.mu.Unlock()
				return len(r.keys.forming) == 1
			})
		}
	}
	brief, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if receipt, err := r.Append(brief, r.keyed("k", "a")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a repetition before the sync: got %+v, error %v, want it to wait", receipt, err)
	}
	if _, err := r.Append(t.Context(), r.keyed("k", "another")); !errors.Is(err, buffer.ErrKeyReused) {
		t.Errorf("another payload: got %v, want ErrKeyReused", err)
	}
	select {
	case receipt := <-answers:
		t.Errorf("answered before the sync: %+v", receipt)
	default:
	}
	held.Unlock()
	a, b := <-answers, <-answers
	if a.First != b.First || a.Duplicate == b.Duplicate {
		t.Errorf("answered with %+v and %+v, want one batch, once as a duplicate", a, b)
	}
	equal(t, "records", r.records(), []string{"a"})
}

// If the first fails its repetitions fail as it does. The next process stores the batch, or finds it: once either way.
func TestRepetitionFailsAsTheFirst(t *testing.T) {
	dir := t.TempDir()
	var broken sync.Map
	r, err := Open(Config{Dir: dir, sync: func(g *generation) error {
		if _, ok := broken.Load("now"); ok {
			return errDisk
		}
		return g.sync()
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	id := buffer.NewStreamID()
	if _, err := r.Define(t.Context(), buffer.Definition{Stream: id, Name: "s", Logic: 1}); err != nil {
		t.Fatal(err)
	}
	broken.Store("now", true)
	batch := (&rig{id: id}).keyed("k", "a")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := r.Append(t.Context(), batch); !errors.Is(err, errDisk) {
				t.Errorf("on a broken disk: got %v", err)
			}
		})
	}
	wg.Wait()
	r.mu.Lock()
	if n := len(r.keys.forming); n != 0 {
		t.Errorf("%d keys are still on their way", n)
	}
	r.mu.Unlock()
	again := openRig(t, Config{Dir: copyDir(t, dir)})
	if _, err := again.Append(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	equal(t, "records", again.records(), []string{"a"})
}

// A group torn at every byte: the key is known exactly where its record is there.
func TestTornTailTakesKeyAndRecord(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, Config{Dir: dir})
	r.put("before", "a", false)
	before := lastValueEnd(t, dir)
	r.put("torn", "b", false)
	end := lastValueEnd(t, dir)
	tear(t, copyDir(t, dir), before, end, 16, func(cut int, m *image) {
		_, known := m.keys[r.keyed("torn", "").Key.ID]
		if stored := m.blocks[buffer.LaneID{Stream: r.id}][2] != nil; known != stored || known != (cut == end) {
			t.Errorf("cut at %d of %d: key known %v, record stored %v", cut, end, known, stored)
		}
	})
}

// A clock that jumps changes nothing, neither while the log is open nor over a restart.
func TestKeysIgnoreTheWallClock(t *testing.T) {
	dir := t.TempDir()
	for i, year := range []int{2025, 2095, 1975} {
		clock := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		r := openRig(t, Config{Dir: dir, now: func() time.Time {
			clock = clock.Add(-time.Hour)
			return clock
		}})
		r.put("k", "a", i > 0)
		r.put("k", "a", true)
		r.stop()
	}
}

// The generation that a key was written to goes, the key stays, also over a crash.
func TestKeyOutlivesItsGeneration(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, Config{Dir: dir})
	r.put("k", "a", false)
	first := r.gens[0].dir
	r.pass(20)
	eventually(t, "the first generation is dropped", func() bool { return !exists(first) })
	r.put("k", "a", true)
	openRig(t, Config{Dir: copyDir(t, dir)}).put("k", "a", true)
}

// remember adds keys as if batches had been stored in the oldest generation.
func (r *rig) remember(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range n {
		e := entry(i, r.keyClock())
		_, _ = rand.Read(e.id[:])
		r.keys.add(e, r.gens[0].id)
	}
}

// tidy reports whether nothing is left to be dropped.
func (r *rig) tidy() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.gens) == 1 || r.gens[0].live.Load() > 0 || !r.carriesLittle()
}

// Keys that live longer than many generations are not written anew with each of them, and what waits on disk for their
// sake stays within its bound.
func TestKeysAreNotWrittenOverAndOver(t *testing.T) {
	const keys, blocks = 200_000, 100
	var written int64 // by the committer alone
	r := openRig(t, Config{
		Dir: t.TempDir(), MaxDisk: 128 << 20,
		sync:    func(*generation) error { return nil },
		Observe: func(g Group) { written += g.Stored },
	})
	first := r.gens[0].dir
	r.remember(keys)
	block := make([]byte, 1<<20)
	var disk int64
	for range blocks {
		_, _ = rand.Read(block)
		seq, err := r.add(block)
		if err != nil {
			t.Fatal(err)
		}
		r.settle(seq)
		eventually(t, "housekeeping is done", r.tidy)
		disk = max(disk, r.Stats().Disk)
	}
	if _, err := os.Stat(first); !os.IsNotExist(err) {
		t.Errorf("the first generation is still there: %v", err)
	}
	if s := r.Stats(); s.Keys != keys || s.KeysExpiredEarly != 0 {
		t.Errorf("%d keys are known, %d expired early, want %d and none", s.Keys, s.KeysExpiredEarly, keys)
	}
	r.stop()
	if limit := int64(blocks << 20 / 2 * 3); written > limit {
		t.Errorf("%d MiB were written for %d MiB of records and %d of keys", written>>20, blocks, keys*keyBytes>>20)
	}
	if limit := int64(4*keys*keyBytes + 48<<20); disk > limit {
		t.Errorf("up to %d MiB on disk, want at most %d", disk>>20, limit>>20)
	}
	t.Logf("%d MiB written, up to %d on disk", written>>20, disk>>20)
	again := openRig(t, Config{Dir: r.cfg.Dir, MaxDisk: r.cfg.MaxDisk})
	if s := again.Stats(); s.Keys != keys {
		t.Errorf("%d keys are known after a restart, want %d", s.Keys, keys)
	}
}

// Where keys alone keep the disk full they are forgotten, and counted: records come before keys.
func TestKeysMakeWayForRecords(t *testing.T) {
	r := openRig(t, Config{Dir: t.TempDir(), MaxDisk: MinDisk})
	const keys = carryAnyway/keyBytes + 1
	r.remember(keys)
	block := make([]byte, 1<<20)
	var last buffer.Seq
	for {
		_, _ = rand.Read(block)
		seq, err := r.add(block)
		if err != nil {
			break
		}
		last = seq
	}
	r.settle(last)
	eventually(t, "records are taken again", func() bool { _, err := r.add(block); return err == nil })
	if s := r.Stats(); s.Keys != 0 || s.KeysExpiredEarly != keys {
		t.Errorf("%d keys are left, %d expired early, want none and %d", s.Keys, s.KeysExpiredEarly, keys)
	}
}
