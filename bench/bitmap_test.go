package bench

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestBitmap compares with sets made of maps.
func TestBitmap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b bitmap
		set, other := map[uint64]bool{}, newBitmap(400)
		for range rapid.IntRange(0, 6).Draw(t, "ranges") {
			from := rapid.Uint64Max(300).Draw(t, "from")
			to := from + rapid.Uint64Max(100).Draw(t, "size")
			b = b.setRange(from, to)
			for n := from; n < to; n++ {
				set[n] = true
			}
		}
		for range rapid.IntRange(0, 100).Draw(t, "others") {
			n := rapid.Uint64Max(399).Draw(t, "n")
			if got, want := other.setOnce(n), other.has(n) && set[n+1000]; got != want {
				t.Fatalf("%d was there before: got %v, want %v", n, got, want)
			}
			set[n+1000] = true
		}
		if got, want := b.count(), int64(countBelow(set, 1000)); got != want {
			t.Fatalf("count: got %d, want %d", got, want)
		}
		var want, got [][2]uint64
		for n := range uint64(450) {
			if b.has(n) != set[n] {
				t.Fatalf("%d: got %v, want %v", n, b.has(n), set[n])
			}
			if !set[n] || set[n+1000] {
				continue
			}
			if last := len(want) - 1; last >= 0 && want[last][1] == n {
				want[last][1]++
			} else {
				want = append(want, [2]uint64{n, n + 1})
			}
		}
		sum := b.without(other, func(from, to uint64) { got = append(got, [2]uint64{from, to}) })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("runs without the others (-want +got):\n%s", diff)
		}
		for _, run := range want {
			sum -= int64(run[1] - run[0])
		}
		if sum != 0 {
			t.Fatalf("count without the others is off by %d", sum)
		}
	})
}

func countBelow(set map[uint64]bool, limit uint64) (n int) {
	for member := range set {
		if member < limit {
			n++
		}
	}
	return n
}
