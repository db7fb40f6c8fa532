package delivery_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

func deaggregating(s *stream.Stream) {
	s.Processing.Deaggregation = &stream.Deaggregation{Type: "delimited", Delimiter: ";"}
	s.ErrorPrefix = "errors/!{firehose:error-output-type}/"
	s.Compression = "none"
	s.Buffering.Interval = stream.Duration(time.Millisecond)
}

// One record becomes many in many partitions, or none; whatever dies, each output is in one object and the books hold.
func TestOneRecordBecomesMany(t *testing.T) {
	w := newWorld(t, deaggregating)
	var want []string
	for i := range 40 {
		var parts []string
		for j := range i % 5 {
			parts = append(parts, record(fmt.Sprint("k", j%3), 100*i+j))
			want = append(want, parts[j])
		}
		w.append(strings.Join(parts, ";") + ";")
	}
	w.append("no key;" + record("k0", 9999))
	want = append(want, record("k0", 9999))
	w.objects.LoseReply(deliverytest.Create, 3, errors.New("the answer is lost"))
	for range 3 {
		w.start()
		w.eventually("an object is there", func() bool { return len(w.objects.Keys()) > 0 })
		w.kill()
	}
	w.start()
	w.drain()
	var have []string
	failed := 0
	for _, line := range w.lines() {
		_, data, _ := strings.Cut(line, " ")
		if strings.HasPrefix(line, "errors ") {
			failed++
			continue
		}
		have = append(have, data)
	}
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(have, want) || failed != 1 {
		t.Errorf("%d records and %d failures, want %d and 1: %q", len(have), failed, len(want), have)
	}
	books, stats := w.service.Books()["s"], w.log.Stats().Streams[w.id]
	if books.Delivered != int64(len(want)) || books.Dropped != 8 || books.Errors["processing-failed"] != 1 ||
		stats.Accepted+books.Expanded != books.Delivered+books.Dropped+1 || books.Settled() != stats.Accepted {
		t.Errorf("%d accepted; the books say %+v", stats.Accepted, books)
	}
}
