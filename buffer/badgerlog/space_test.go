package badgerlog

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"hydrant/buffer"
)

// fakeDisk says how much space is free, whatever the real disk has.
type fakeDisk struct{ bytes atomic.Int64 }

func newFakeDisk(free int64) *fakeDisk {
	d := &fakeDisk{}
	d.bytes.Store(free)
	return d
}

func (d *fakeDisk) free(string) int64 { return d.bytes.Load() }

// Records are refused while the disk still has space, and taken again only when there is twice as much.
func TestGuardHasTwoMarks(t *testing.T) {
	t.Parallel()
	disk := newFakeDisk(10 << 30)
	r := openRig(t, Config{Dir: t.TempDir(), free: disk.free})
	r.mustAdd("taken")
	low, high := r.reserve.size, resumeAt(r.reserve.size)

	disk.bytes.Store(low - 1)
	eventually(t, "records are refused", func() bool { return r.Stats().Full != "" })
	var full *buffer.FullError
	if _, err := r.add([]byte("refused")); !errors.As(err, &full) {
		t.Fatalf("an append on an almost full disk returned %v", err)
	}
	r.settle(1) // state is always taken

	disk.bytes.Store(high - 1)
	r.guard()
	if _, err := r.add([]byte("refused")); !errors.As(err, &full) {
		t.Fatalf("an append below the upper mark returned %v", err)
	}
	disk.bytes.Store(high)
	eventually(t, "records are taken again", func() bool { return r.Stats().Full == "" })
	r.mustAdd("taken")
}

// One stream that is not delivered may hold its share; others go on.
func TestStreamShare(t *testing.T) {
	t.Parallel()
	r := openRig(t, Config{Dir: t.TempDir(), MaxDisk: 256 << 20, StreamShare: 25 << 20})
	other := buffer.NewStreamID()
	if _, err := r.Define(t.Context(), buffer.Definition{Stream: other, Name: "other", Logic: 1}); err != nil {
		t.Fatal(err)
	}
	full := r.refused(1 << 20)
	if !strings.Contains(full.Error(), "stream s holds buffer.stream_share") {
		t.Errorf("refused because: %v", full)
	}
	head := r.lane.Info().Head
	if head < 20 || head > 30 {
		t.Errorf("%d MiB were taken of a share of 25", head)
	}
	if _, err := r.Append(t.Context(), buffer.Batch{Stream: other, Records: [][]byte{[]byte("x")}}); err != nil {
		t.Errorf("the other stream is refused too: %v", err)
	}
	r.settle(head)
	r.mustAdd("taken again")

	reopened := openRig(t, Config{Dir: copyDir(t, r.cfg.Dir), MaxDisk: 256 << 20, StreamShare: 25 << 20})
	if got, want := reopened.lanes[r.id].stored.Load(), r.lanes[r.id].stored.Load(); got != want {
		t.Errorf("after a crash the stream holds %d bytes, before %d", got, want)
	}
}

// A log that was closed, or killed, when the disk was not full opens on a disk that is: what it holds is delivered, and
// records are refused until there is space.
func TestStartOnAFullDisk(t *testing.T) {
	t.Parallel()
	for name, left := range map[string]int64{"room for state": 12 << 20, "the reserve alone": 0, "nothing at all": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			r := openRig(t, Config{Dir: dir, MaxDisk: 1 << 30})
			r.mustAdd("one")
			r.mustAdd("two")
			crashed := copyDir(t, dir)

			disk := newFakeDisk(left)
			reserve := filepath.Join(crashed, reserveName)
			if err := preallocate(reserve, r.reserve.size); err != nil { // a copy has no allocated space
				t.Fatal(err)
			}
			free := func(string) int64 {
				n := disk.bytes.Load()
				if _, err := os.Stat(reserve); errors.Is(err, os.ErrNotExist) && n >= 0 {
					n += 64 << 20
				}
				return n
			}
			r = openRig(t, Config{Dir: crashed, MaxDisk: 1 << 30, free: free})
			equal(t, "records", r.records(), []string{"one", "two"})
			var full *buffer.FullError
			if _, err := r.add([]byte("refused")); !errors.As(err, &full) {
				t.Fatalf("an append on a full disk returned %v", err)
			}
			err := r.lane.Commit(t.Context(), buffer.Change{Cursor: 1})
			if left >= 0 && err != nil {
				t.Errorf("state is refused: %v", err)
			}
			if left < 0 && !errors.As(err, &full) {
				t.Errorf("a commit without any space returned %v", err)
			}
			disk.bytes.Store(10 << 30)
			eventually(t, "records are taken again", func() bool { _, err := r.add([]byte("three")); return err == nil })
			if r.Stats().Full != "" {
				t.Errorf("still full: %s", r.Stats().Full)
			}
			eventually(t, "the reserve is made again", func() bool { _, err := os.Stat(reserve); return err == nil })
			r.settle(2)
			equal(t, "records", r.records(), []string{"three"})
		})
	}
}

// A generation that the full disk has no room to close stays readable, and is closed later.
func TestFullGenerationWaitsForSpace(t *testing.T) {
	t.Parallel()
	disk := newFakeDisk(10 << 30)
	r := openRig(t, Config{Dir: t.TempDir(), free: disk.free})
	r.mustAdd("kept")
	r.awaitReadyGeneration()
	old := r.current
	disk.bytes.Store(0)
	if err := r.submit(t.Context(), func(g *group) error { g.carry, g.leave = old, true; return nil }); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the full generation waits", func() bool { return old.is(waiting) })
	if _, err := os.Stat(filepath.Join(r.cfg.Dir, reserveName)); err == nil {
		t.Error("the reserve was not given up")
	}
	equal(t, "records", r.records(), []string{"kept"})
	disk.bytes.Store(10 << 30)
	eventually(t, "it is closed", func() bool { return !old.is(waiting) })
	equal(t, "records", r.records(), []string{"kept"})
}

// With max_disk reached, state goes on in the reserve's space for long enough to drain the log.
func TestStateGoesOnWhenFull(t *testing.T) {
	t.Parallel()
	r := openRig(t, Config{Dir: t.TempDir(), MaxDisk: MinDisk})
	r.refused(1 << 20)
	last := r.lane.Info().Head
	state := randomBlock(64 << 10)
	for range 100 { // 6 MiB: more than the generation's rest
		if err := r.lane.Commit(t.Context(), buffer.Change{Put: []buffer.Entry{{Key: "k", Value: state}}}); err != nil {
			t.Fatal(err)
		}
	}
	if disk := r.Stats().Disk; disk > MinDisk {
		t.Errorf("%d bytes on disk, max_disk is %d", disk, MinDisk)
	}
	r.settle(last)
	eventually(t, "records are taken again", func() bool { _, err := r.add(state); return err == nil })
}

func TestCheckSpaceNamesTheNumbers(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "not", "there")
	if err := CheckSpace(missing, 0); err != nil {
		t.Errorf("a good disk is refused: %v", err)
	}
	if err := CheckSpace(missing, MinDisk-1); err == nil {
		t.Error("too small a max_disk is not refused")
	}
	disk := newFakeDisk(50 << 20)
	_, err := Open(Config{Dir: t.TempDir(), MaxDisk: 1 << 30, free: disk.free})
	if err == nil || !strings.Contains(err.Error(), "52428800 bytes free") {
		t.Errorf("a new log on a disk of 50 MiB: %v", err)
	}
}

// What a killed process had allocated and not written is given back at the next start.
func TestTailsAreReturned(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := openRig(t, Config{Dir: dir})
	r.mustAdd("kept")
	path := filepath.Join(r.current.dir, vlogName)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := int64(len(bytes.TrimRight(before, "\x00")))
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, written := range []int64{0, end / 2, end, end + 1, int64(len(before))} { // right or wrong
		if got, err := lastByte(f, written, int64(len(before))); got != end || err != nil {
			t.Errorf("the last byte, with a hole from %d on, ends at %d, want %d: %v", written, got, end, err)
		}
	}
	if err := releaseZeros(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := occupied(info); got > 1<<20 {
		t.Errorf("%d bytes are still allocated", got)
	}
	after, err := os.ReadFile(path)
	if err != nil || string(after) != string(before) {
		t.Errorf("the file has changed: %v", err)
	}
}
