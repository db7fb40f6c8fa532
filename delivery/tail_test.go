package delivery

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// A tail is what was appended, and pages go back.
func TestTail(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tail tail
		var want []byte
		for _, piece := range rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 3*pageSize), 0, 8).Draw(t, "pieces") {
			tail.append(piece)
			want = append(want, piece...)
		}
		if got := tail.appendTo(nil); !bytes.Equal(got, want) || tail.size != len(want) {
			t.Fatalf("got %d bytes of size %d, want %d", len(got), tail.size, len(want))
		}
		if over := tail.held() - int64(len(want)); over < 0 || over >= pageSize && len(want) > 0 {
			t.Fatalf("%d bytes are held for %d", tail.held(), len(want))
		}
		if tail.release(); tail.held() != 0 {
			t.Fatal("pages are held by nothing")
		}
	})
}
