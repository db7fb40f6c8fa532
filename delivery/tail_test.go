package delivery

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"hydrant/delivery/format"
)

// A tail is what was appended, in pages, which go back, or in one piece.
func TestTail(t *testing.T) {
	none, err := format.ByName("none")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		var tail tail
		var want []byte
		room := int64(0)
		if rapid.Bool().Draw(t, "wide") {
			room = tail.widen()
			tail.append(nil) // of a record that is empty
			if more := tail.widen(); more != 0 || tail.held() != room {
				t.Fatalf("%d bytes are taken once more, and %d are held in %d", more, tail.held(), room)
			}
		}
		for _, piece := range rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 3*pageSize), 0, 8).Draw(t, "pieces") {
			tail.append(piece)
			want = append(want, piece...)
		}
		if got := tail.appendTo(nil); !bytes.Equal(got, want) || tail.size != len(want) {
			t.Fatalf("got %d bytes of size %d, want %d", len(got), tail.size, len(want))
		}
		start := rapid.IntRange(0, len(want)).Draw(t, "start")
		if got := bytes.Join(slices.Collect(tail.piecesFrom(start)), nil); !bytes.Equal(got, want[start:]) {
			t.Fatalf("got %d bytes behind the first %d of %d", len(got), start, len(want))
		}
		if over := tail.held() - int64(len(want)); over < 0 || over >= max(pageSize, room) && len(want) > 0 {
			t.Fatalf("%d bytes are held for %d", tail.held(), len(want))
		}
		if packed := tail.pack(none); !bytes.Equal(packed, want) || tail.held() != 0 {
			t.Fatalf("%d bytes are packed, and %d are held by nothing", len(packed), tail.held())
		}
	})
}
