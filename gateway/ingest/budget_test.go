package ingest

import (
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// A budget agrees with a plain sum, whatever is reserved and released in whatever order.
func TestBudgetAgreesWithSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Int64Range(0, 100).Draw(t, "limit")
		b := budget{limit: limit}
		var held []int64
		var sum int64
		for range rapid.IntRange(0, 50).Draw(t, "steps") {
			if len(held) > 0 && rapid.Bool().Draw(t, "release") {
				b.release(held[0])
				sum -= held[0]
				held = held[1:]
				continue
			}
			n := rapid.Int64Range(0, 60).Draw(t, "n")
			got, want := b.reserve(n), sum+n <= limit
			if got != want {
				t.Fatalf("reserve(%d) with %d of %d in use: got %v, want %v", n, sum, limit, got, want)
			}
			if got {
				held, sum = append(held, n), sum+n
			}
		}
		if got, want := int64(b.inUse()), sum; got != want {
			t.Fatalf("in use: got %d, want %d", got, want)
		}
	})
}

func TestBudgetIsNeverExceeded(t *testing.T) {
	const limit, size, workers = 10, 3, 8
	b := budget{limit: limit}
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for range 2000 {
				if !b.reserve(size) {
					continue
				}
				if got := b.used.Load(); got > limit {
					t.Errorf("in use: got %d, want at most %d", got, limit)
				}
				b.release(size)
			}
		})
	}
	wait.Wait()
	if got := b.used.Load(); got != 0 {
		t.Errorf("in use at the end: got %d, want 0", got)
	}
}
