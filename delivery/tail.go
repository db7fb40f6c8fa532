package delivery

import (
	"iter"
	"sync"
)

// tail holds the uncompressed end of an open object in pages, so that it grows without copying and leaves no garbage:
// with 10,000 objects open, slices that double would hold half as much again. The zero value is empty.
type tail struct {
	pages []*page
	size  int
}

const pageSize = 4 << 10

type page [pageSize]byte

// pages are reused: fresh memory is dear.
var pages = sync.Pool{New: func() any { return new(page) }}

func (t *tail) append(data []byte) {
	for len(data) > 0 {
		within := t.size % pageSize
		if within == 0 {
			t.pages = append(t.pages, pages.Get().(*page))
		}
		n := copy(t.pages[len(t.pages)-1][within:], data)
		t.size += n
		data = data[n:]
	}
}

// pieces yields the tail's bytes in order.
func (t *tail) pieces() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		left := t.size
		for _, p := range t.pages {
			if !yield(p[:min(left, pageSize)]) {
				return
			}
			left -= pageSize
		}
	}
}

// appendTo appends the tail's bytes to dst.
func (t *tail) appendTo(dst []byte) []byte {
	for piece := range t.pieces() {
		dst = append(dst, piece...)
	}
	return dst
}

// held is the memory that the tail takes.
func (t *tail) held() int64 { return int64(len(t.pages)) * pageSize }

// release empties the tail.
func (t *tail) release() {
	for _, p := range t.pages {
		pages.Put(p)
	}
	*t = tail{}
}
