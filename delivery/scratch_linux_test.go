package delivery

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"pgregory.net/rapid"
)

func openScratch(t testing.TB, limit int64) *Scratch {
	t.Helper()
	s, err := OpenScratch(filepath.Join(t.TempDir(), "scratch"), limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Whatever is put and released in whatever order, what is kept reads as it was put, and room that was given back is
// given out again.
func TestScratchKeepsWhatItIsGiven(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := openScratch(t, 4*smallestSegment)
		kept := map[int]extent{} // by what it is filled with
		for i := range rapid.IntRange(1, 60).Draw(rt, "steps") {
			size := rapid.IntRange(0, 300<<10).Draw(rt, "size")
			data := bytes.Repeat([]byte{byte(i)}, size)
			e, err := s.put(data)
			switch {
			case errors.Is(err, errScratchFull):
				for k, e := range kept {
					s.release(e)
					delete(kept, k)
				}
				if live, _ := s.Used(); live != 0 {
					rt.Fatalf("%d bytes are kept of nothing", live)
				}
				if e, err = s.put(data); err != nil {
					rt.Fatalf("an empty scratch: %v", err)
				}
			case err != nil:
				rt.Fatal(err)
			}
			kept[i] = e
			if rapid.Bool().Draw(rt, "release one") {
				for k, e := range kept {
					s.release(e)
					delete(kept, k)
					break
				}
			}
			for k, e := range kept {
				if !e.intact() || bytes.Count(e.bytes, []byte{byte(k)}) != len(e.bytes) {
					rt.Fatalf("part %d is not what was put", k)
				}
			}
		}
	})
}

// Space goes back to the disk, and what another process left is removed.
func TestScratchGivesSpaceBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "scratch")
	if err := os.MkdirAll(filepath.Join(dir, "left", "over"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := OpenScratch(dir, 8*smallestSegment)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the directory holds %v, %v", entries, err)
	}
	fill := func() (parts []extent) {
		for {
			e, err := s.put(bytes.Repeat([]byte("x"), 200<<10))
			if err != nil {
				return parts
			}
			parts = append(parts, e)
		}
	}
	parts := fill()
	if got := allocated(t, s); got < 7*smallestSegment {
		t.Fatalf("only %d bytes fit", got)
	}
	for _, e := range parts {
		s.release(e)
	}
	if got := allocated(t, s); got > smallestSegment {
		t.Errorf("%d bytes of the disk are held for nothing", got)
	}
	if again := fill(); len(again) != len(parts) {
		t.Errorf("%d parts fit at first, then %d", len(parts), len(again))
	}
}

func allocated(t *testing.T, s *Scratch) int64 {
	t.Helper()
	info, err := s.file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}

func TestScratchNoticesDamage(t *testing.T) {
	s := openScratch(t, smallestSegment)
	e, err := s.put([]byte("precious"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.file.WriteAt([]byte("X"), 3); err != nil {
		t.Fatal(err)
	}
	if e.intact() {
		t.Error("a flipped byte was not noticed")
	}
}
