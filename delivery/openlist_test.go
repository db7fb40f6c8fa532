package delivery

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"hydrant/buffer"
)

// Objects come, go, chill and thaw in any order: each list has its own, in its order.
func TestOpenList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newOpenList()
		var warm, cold []*object
		pick := func(from []*object) int { return rapid.IntRange(0, len(from)-1).Draw(t, "object") }
		n := 0
		t.Repeat(map[string]func(*rapid.T){
			"push": func(*rapid.T) {
				o := &object{partition: fmt.Sprint(n)}
				n++
				l.push(o)
				warm = append(warm, o)
			},
			"remove": func(*rapid.T) {
				if len(warm) > 0 {
					i := pick(warm)
					l.remove(warm[i])
					warm = slices.Delete(warm, i, i+1)
				}
				if len(cold) > 0 {
					i := pick(cold)
					l.remove(cold[i])
					cold = slices.Delete(cold, i, i+1)
				}
			},
			"chill": func(*rapid.T) {
				if len(warm) > 0 {
					l.chill(warm[0])
					cold, warm = append(cold, warm[0]), warm[1:]
				}
			},
			"thaw": func(*rapid.T) {
				if len(cold) > 0 {
					i := pick(cold)
					l.thaw(cold[i])
					warm = slices.Insert(warm, 0, cold[i])
					cold = slices.Delete(cold, i, i+1)
				}
			},
			"": func(t *rapid.T) {
				want := slices.Concat(cold, warm)
				if got := slices.Collect(l.all()); !slices.Equal(got, want) || l.len != len(want) {
					t.Fatalf("got %d objects, want %d in order", len(got), len(want))
				}
				if used := slices.Collect(l.used.all()); len(used) != l.len {
					t.Fatalf("%d objects in use, want %d", len(used), l.len)
				}
				if l.len > 0 && l.oldest() != want[0] {
					t.Fatal("the oldest is another one")
				}
			},
		})
	})
}

// The coldest is one that nothing was written to for longest; whatever is in use is passed over.
func TestColdest(t *testing.T) {
	l := newOpenList()
	var objects []*object
	for i := range 6 {
		objects = append(objects, &object{partition: fmt.Sprint(i), last: 1, looked: 1})
		l.push(objects[i])
	}
	for round := range 4 {
		for _, hot := range []int{0, 3} {
			objects[hot].last = buffer.Seq(10 + round)
		}
		o := l.coldest()
		if o == objects[0] || o == objects[3] {
			t.Fatalf("round %d: %s is in use", round, o.partition)
		}
		l.remove(o)
	}
	if o := l.coldest(); o == nil || l.len != 2 {
		t.Fatalf("of two objects in use none is the coldest")
	}
}
