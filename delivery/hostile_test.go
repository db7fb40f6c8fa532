package delivery_test

import (
	"strings"
	"testing"
	"time"

	"hydrant/partitioner"
	"hydrant/stream"
)

// A life ends between two records, also where a query does for each of them all that it may: not after the block.
func TestEndAmidHostileRecords(t *testing.T) {
	const records, evil = 400, `{"evil":true}`
	w := newWorld(t, func(s *stream.Stream) {
		s.PartitionKeys["key"] = `if .evil then [recurse(1)] | length else "good" end`
		s.ErrorPrefix = "errors/!{firehose:error-output-type}/"
	})
	p, err := partitioner.New(w.def)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for range 3 {
		p.Process(nil, 1, 0, []byte(evil))
	}
	one := time.Since(began) / 3
	w.append(strings.Split(strings.Repeat(evil+"\n", records-1)+evil, "\n")...)
	w.start()
	w.awaitRead()
	began = time.Now()
	w.kill()
	if took := time.Since(began); took > records/4*one {
		t.Errorf("the end took %v, as long as %d of the %d records", took, took/one, records)
	}
}
