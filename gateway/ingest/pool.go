package ingest

import (
	"math/bits"
	"sync"
)

const (
	smallestClass = 12 // 4 KiB
	poisonByte    = 0xDB
)

// pool recycles buffers by power of two, so that a 512-byte body never holds on to the 8 MiB that an earlier one
// needed. Fresh memory costs more than everything else that is done with a body.
type pool struct {
	classes [32]sync.Pool // of *[]byte whose capacity is 1 << class
	poison  bool
}

// get returns a buffer of length n and unknown content.
func (p *pool) get(n int64) *[]byte {
	class := max(smallestClass, bits.Len64(uint64(max(n, 1)-1)))
	b, ok := p.classes[class].Get().(*[]byte)
	if !ok {
		fresh := make([]byte, 1<<class)
		b = &fresh
	}
	*b = (*b)[:n]
	return b
}

// put takes back a buffer that get returned; nil is ignored. No view of it may be used afterwards.
func (p *pool) put(b *[]byte) {
	if b == nil {
		return
	}
	*b = (*b)[:cap(*b)]
	if p.poison {
		for i := range *b {
			(*b)[i] = poisonByte
		}
	}
	p.classes[bits.Len64(uint64(cap(*b)))-1].Put(b)
}
