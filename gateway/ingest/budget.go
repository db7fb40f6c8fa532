package ingest

import "sync/atomic"

// budget bounds a sum of reservations. It refuses and never waits: a request that waited for room would hold its
// connection, and the producer learns more from a 503.
type budget struct {
	limit int64
	used  atomic.Int64
}

// reserve takes n, or nothing. A loop of compare-and-swap, not add-then-undo: two large requests that undo each other
// must not both be refused while either would fit.
func (b *budget) reserve(n int64) bool {
	for {
		used := b.used.Load()
		if n > b.limit-used {
			return false
		}
		if b.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

func (b *budget) release(n int64) { b.used.Add(-n) }

func (b *budget) inUse() float64 { return float64(b.used.Load()) }
