package badgerlog

import (
	"errors"
	"strings"
	"testing"

	"hydrant/buffer"
)

// A log that takes no more records where a stream has a function still takes what the function makes of them, also after a
// time in which nothing of that was delivered: else nothing would ever make room.
func TestFullLogIsEmptiedByDeriving(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"answers of the same size": 1 << 20, "answers of twice the size": 2 << 20} {
		t.Run(name, func(t *testing.T) { t.Parallel(); emptyByDeriving(t, size) })
	}
}

func emptyByDeriving(t *testing.T, size int) {
	r := openRig(t, Config{Dir: t.TempDir(), MaxDisk: 128 << 20})
	version, err := r.Define(t.Context(), buffer.Definition{Stream: r.id, Name: "s", Logic: 1, Derives: true})
	if err != nil {
		t.Fatal(err)
	}
	if full := r.refused(1 << 20); !strings.Contains(full.Error(), "kept for the answers") {
		t.Errorf("refused because: %v", full)
	}
	r.mu.Lock()
	derived := r.lanes[r.id].derived
	r.mu.Unlock()
	settleDerived := func() {
		if err := derived.Commit(t.Context(), buffer.Change{Cursor: derived.Info().Head}); err != nil {
			t.Fatal(err)
		}
	}
	for next := r.lane.Info().Cursor + 1; next <= r.lane.Info().Head; next++ {
		eventually(t, "an answer finds room", func() bool {
			err := r.lane.Commit(t.Context(), buffer.Change{Cursor: next, Derived: &buffer.Derivation{
				Version: version, Records: []buffer.Derived{{Data: randomBlock(size)}},
			}})
			var full *buffer.FullError
			if errors.As(err, &full) { // only now the destination is back
				settleDerived()
				return false
			}
			if err != nil {
				t.Fatal(err)
			}
			return true
		})
	}
	settleDerived()
	eventually(t, "records are taken again", func() bool { _, err := r.add([]byte("x")); return err == nil })
}
