package delivery

import (
	"bytes"
	"fmt"
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

func TestOpenList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l openList
		var want []*object
		for i := range rapid.IntRange(0, 20).Draw(t, "objects") {
			o := &object{partition: fmt.Sprint(i)}
			l.push(o)
			want = append(want, o)
		}
		for len(want) > 0 {
			i := rapid.IntRange(0, len(want)-1).Draw(t, "removed")
			l.remove(want[i])
			want = append(want[:i], want[i+1:]...)
			var got []*object
			for o := range l.all() {
				got = append(got, o)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) || l.len != len(want) {
				t.Fatalf("got %d objects, want %d in order", len(got), len(want))
			}
		}
		if l.first != nil || l.last != nil {
			t.Fatal("an empty list has ends")
		}
	})
}
