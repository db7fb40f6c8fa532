package ingest

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func TestPoolGivesTheLengthAskedFor(t *testing.T) {
	p := new(pool)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, 1<<17).Draw(t, "n")
		b := p.get(n)
		if got := int64(len(*b)); got != n {
			t.Fatalf("got a buffer of %d bytes, want %d", got, n)
		}
		if got, most := int64(cap(*b)), max(2*n, 1<<smallestClass); got > most {
			t.Fatalf("a buffer of %d bytes holds on to %d, want at most %d", n, got, most)
		}
		p.put(b)
	})
}

func TestPoolPoisons(t *testing.T) {
	p := pool{poison: true}
	b := p.get(100)
	view := (*b)[10:20]
	copy(view, "0123456789")
	p.put(b)
	if want := bytes.Repeat([]byte{poisonByte}, 10); !bytes.Equal(view, want) {
		t.Errorf("after put: got %x, want %x", view, want)
	}
}
