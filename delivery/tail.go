package delivery

import (
	"iter"
	"sync"
)

// tail holds the uncompressed end of an open object in pages, so that it grows without copying and leaves no garbage:
// with 10,000 objects open, slices that double would hold half as much again. Of a few objects that are written to all the
// time it is wide: one piece, which the compressor takes as it is. The zero value is empty.
type tail struct {
	pages []*page
	wide  *wideTail // instead of pages; nil for these
	size  int
}

// wideTail is room for a chunk and for most records that end one; it grows for others.
type wideTail struct{ bytes []byte }

const wideSize = chunkSize + 64<<10

var wides = sync.Pool{New: func() any { return &wideTail{make([]byte, 0, wideSize)} }}

// widen makes an empty tail wide, and returns how much more memory it takes now: none where it was, and only records without
// a byte have come since.
func (t *tail) widen() int64 {
	if t.wide != nil {
		return 0
	}
	t.wide = wides.Get().(*wideTail)
	return t.held()
}

const pageSize = 4 << 10

type page [pageSize]byte

// pages are reused: fresh memory is dear.
var pages = sync.Pool{New: func() any { return new(page) }}

func (t *tail) append(data []byte) {
	if t.wide != nil {
		t.wide.bytes = append(t.wide.bytes, data...)
		t.size += len(data)
		return
	}
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
func (t *tail) pieces() iter.Seq[[]byte] { return t.piecesFrom(0) }

// piecesFrom yields the tail's bytes behind the first ones, in order.
func (t *tail) piecesFrom(start int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if t.wide != nil {
			yield(t.wide.bytes[start:])
			return
		}
		for start < t.size {
			within := start % pageSize
			piece := t.pages[start/pageSize][within:min(within+t.size-start, pageSize)]
			if !yield(piece) {
				return
			}
			start += len(piece)
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
func (t *tail) held() int64 {
	if t.wide != nil {
		return int64(cap(t.wide.bytes))
	}
	return int64(len(t.pages)) * pageSize
}

// release empties the tail.
func (t *tail) release() {
	for _, p := range t.pages {
		pages.Put(p)
	}
	if w := t.wide; w != nil && cap(w.bytes) == wideSize {
		w.bytes = w.bytes[:0]
		wides.Put(w)
	}
	*t = tail{}
}
