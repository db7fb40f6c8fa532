package badgerlog

import (
	"testing"

	"hydrant/buffer"
)

// The write-ahead log names every group with its own blocks, in whatever order Badger wrote a transaction's entries.
func TestWriteAheadLogNamesItsGroups(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, Config{Dir: dir})
	const groups = 50
	for range groups {
		r.mustAdd("x")
	}
	named, err := namedGroups(r.gens[0])
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, g := range named {
		if len(g.blocks) == 0 {
			continue // the definition of the stream
		}
		seen++
		if len(g.blocks) != 1 || g.blocks[0] != (namedBlock{buffer.LaneID{Stream: r.id}, buffer.Seq(seen), 1}) {
			t.Errorf("group %d is said to have the blocks %+v", g.number, g.blocks)
		}
	}
	if seen != groups {
		t.Errorf("%d groups with blocks are named, want %d", seen, groups)
	}
}
