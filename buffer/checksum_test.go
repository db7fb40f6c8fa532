package buffer

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// Wherever a block is placed, and however often, its checksum is the one that its bytes have.
func TestChecksumFollowsThePlace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var b Builder
		for range rapid.IntRange(1, 3).Draw(rt, "records") {
			b.Add(make([]byte, rapid.IntRange(0, 300<<10).Draw(rt, "size")), rapid.Int64().Draw(rt, "arrival"))
		}
		var key *DataKey
		if rapid.Bool().Draw(rt, "sealed") {
			key = testKey(t, 1, 2)
		}
		block := b.Pack(rapid.Bool().Draw(rt, "compress"), LaneID{}, key)
		for range rapid.IntRange(1, 3).Draw(rt, "places") {
			var lane LaneID
			copy(lane.Stream[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(rt, "stream"))
			lane.Number = rapid.Uint32().Draw(rt, "lane")
			Place(block, lane, Seq(rapid.Uint64().Draw(rt, "first")), rapid.Int64().Draw(rt, "base"))
			if got, want := binary.LittleEndian.Uint32(block[60:]), checksum(block); got != want {
				rt.Fatalf("the checksum of a block of %d bytes is %08x, want %08x", len(block), got, want)
			}
		}
	})
}

// A block that is damaged between its making and its placing stays so.
func TestPlaceBlessesNoDamage(t *testing.T) {
	t.Parallel()
	var b Builder
	b.Add([]byte("record"), 1)
	block := b.Pack(false, LaneID{}, nil)
	block[HeaderSize+3] ^= 1
	Place(block, LaneID{}, 7, 1)
	if _, err := ParseHeader(block); err == nil {
		t.Error("a damaged block is taken for whole")
	}
}

func BenchmarkPlace(b *testing.B) {
	var w Builder
	for range 250 {
		w.Add(make([]byte, 1024), 1)
	}
	block := w.Pack(false, LaneID{}, nil)
	for i := 0; b.Loop(); i++ {
		Place(block, LaneID{}, Seq(i), int64(i))
	}
}
