package delivery

import (
	"testing"
	"time"

	"hydrant/buffer"
)

// Two uploads that fail at once are reported in any order: the last error is the later one, and none is before the first.
func TestReportsOfOneMomentInAnyOrder(t *testing.T) {
	r := reports{byStream: map[buffer.StreamID][]Report{}}
	id, start := buffer.NewStreamID(), time.Now()
	for i, message := range []string{"second", "first", "third"} {
		at := start.Add([]time.Duration{2, 1, 3}[i])
		r.add(id, Report{Code: "c", Message: message, First: at, Last: at, Count: 1})
		if i != 1 {
			continue
		}
		if got := r.of(id); len(got) != 1 || got[0].Message != "second" || got[0].First != at || got[0].Last != start.Add(2) || got[0].Count != 2 {
			t.Errorf("got %+v", got)
		}
	}
	if got := r.of(id)[0]; got.Message != "third" || got.First != start.Add(1) || got.Last != start.Add(3) || got.Count != 3 {
		t.Errorf("got %+v", got)
	}
}
