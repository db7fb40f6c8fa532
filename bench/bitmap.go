package bench

import (
	"math/bits"
	"sync/atomic"
)

// A bitmap is a set of small numbers, 64 in a word.
type bitmap []uint64

// newBitmap makes an empty set with room for the numbers below size.
func newBitmap(size uint64) bitmap { return make(bitmap, (size+63)/64) }

// setRange adds from <= n < to and returns the set, grown if need be.
func (b bitmap) setRange(from, to uint64) bitmap {
	for uint64(len(b))*64 < to {
		b = append(b, 0)
	}
	for from < to {
		word, bit := from/64, from%64
		run := min(64-bit, to-from)
		b[word] |= (^uint64(0) >> (64 - run)) << bit
		from += run
	}
	return b
}

// has says whether n is in the set.
func (b bitmap) has(n uint64) bool { return n/64 < uint64(len(b)) && b[n/64]>>(n%64)&1 == 1 }

// setOnce adds n, for which there is room, and says whether it was there before. It may run beside itself.
func (b bitmap) setOnce(n uint64) (before bool) {
	bit := uint64(1) << (n % 64)
	return atomic.OrUint64(&b[n/64], bit)&bit != 0
}

// count is the number of members.
func (b bitmap) count() (n int64) {
	for _, word := range b {
		n += int64(bits.OnesCount64(word))
	}
	return n
}

// without counts the members that the other set, which is no smaller, has not, and shows each run of them.
func (b bitmap) without(other bitmap, show func(from, to uint64)) (n int64) {
	var from, to uint64 // the run that may still grow
	for i, word := range b {
		for rest := word &^ other[i]; rest != 0; {
			first := uint64(bits.TrailingZeros64(rest))
			length := uint64(bits.TrailingZeros64(^(rest >> first)))
			start := uint64(i)*64 + first
			if start != to {
				if to > from {
					show(from, to)
				}
				from = start
			}
			to = start + length
			n += int64(length)
			rest &^= (^uint64(0) >> (64 - length)) << first
		}
	}
	if to > from {
		show(from, to)
	}
	return n
}
