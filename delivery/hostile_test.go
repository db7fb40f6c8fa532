package delivery_test

import (
	"strings"
	"testing"

	"hydrant/delivery"
	"hydrant/stream"
)

// ending ends a life with its first failed record, and counts them.
type ending struct {
	delivery.Observer
	world  *world
	failed int
}

func (e *ending) Failed(string, []byte) {
	e.failed++
	e.world.cancel()
}

// A life ends between two records, also where a query does for each of them all that it may: not after the block.
func TestEndAmidHostileRecords(t *testing.T) {
	const records, evil = 400, `{"evil":true}`
	w := newWorld(t, func(s *stream.Stream) {
		s.PartitionKeys["key"] = `if .evil then [recurse(1)] | length else "good" end`
		s.ErrorPrefix = "errors/!{firehose:error-output-type}/"
	})
	end := &ending{world: w}
	w.observer = end
	w.append(strings.Split(strings.Repeat(evil+"\n", records-1)+evil, "\n")...)
	w.start()
	if err := <-w.ended; err != nil {
		t.Error(err)
	}
	w.ended <- nil // for the world's own end
	if end.failed != 1 {
		t.Errorf("%d records were processed, want no more after the end", end.failed)
	}
}
