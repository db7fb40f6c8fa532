package delivery_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"hydrant/stream"
)

func TestDeliversByPartition(t *testing.T) {
	w := newWorld(t, nil)
	w.append(record("a", 1), record("b", 2), record("a", 3))
	w.start()
	w.drain()
	w.want(`key=a {"key":"a","n":1}`, `key=a {"key":"a","n":3}`, `key=b {"key":"b","n":2}`)
	if n := len(w.objects.Keys()); n != 2 {
		t.Errorf("%d objects, want 2: %q", n, w.objects.Keys())
	}
}

func TestMetadataDescribesTheObject(t *testing.T) {
	w := newWorld(t, nil)
	w.append(record("a", 1), record("a", 2))
	w.start()
	w.drain()
	o, _ := w.objects.Object(w.objects.Keys()[0])
	if o.Metadata.Stream != "s" || o.Metadata.Records != 2 || o.Metadata.Sequence != "0/0-2" || !strings.HasPrefix(o.Metadata.Checksum, "xxh64:") {
		t.Errorf("metadata: %+v", o.Metadata)
	}
	content := record("a", 1) + "\n" + record("a", 2) + "\n"
	if want := fmt.Sprintf("xxh64:%016x", xxhash.Sum64String(content)); o.Metadata.Checksum != want {
		t.Errorf("checksum %s, want %s", o.Metadata.Checksum, want)
	}
	if o.ContentEncoding != "gzip" || !strings.HasSuffix(o.Key, ".gz") {
		t.Errorf("object %s has content encoding %q", o.Key, o.ContentEncoding)
	}
}

func TestUnkeyedRecordsGoToTheErrorOutput(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) {
		s.ErrorPrefix = "errors/!{firehose:error-output-type}/"
		s.Compression = "none"
	})
	w.append(record("a", 1), "not json", `{"other":1}`)
	w.start()
	w.drain()
	var failed int
	for _, line := range w.lines() {
		if strings.HasPrefix(line, "errors ") {
			failed++
			if !strings.Contains(line, `"rawData":`) {
				t.Errorf("error line without the raw data: %s", line)
			}
		}
	}
	books := w.service.Books()["s"]
	if failed != 2 || books.Delivered != 1 || books.Settled() != 3 {
		t.Errorf("%d error lines; the books say %+v", failed, books)
	}
}

// The books balance after every answer of the destination.
func TestBooksBalance(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) { s.Buffering.Interval = stream.Duration(time.Millisecond) })
	w.start()
	for i := range 50 {
		w.append(record(fmt.Sprint("k", i%5), i), "no key")
		stats, books := w.log.Stats().Streams[w.id], w.service.Books()["s"]
		if pending := stats.Accepted - books.Settled(); pending < 0 {
			t.Fatalf("%d accepted, %d settled", stats.Accepted, books.Settled())
		}
	}
	w.drain()
	books := w.service.Books()["s"]
	if books.Delivered != 50 || books.Errors["processing-failed"] != 50 {
		t.Errorf("the books say %+v, want 50 delivered and 50 failed", books)
	}
	if got := len(w.lines()); got != 100 {
		t.Errorf("%d lines, want 100", got)
	}
}

func TestConfigVersionsApplyByRecord(t *testing.T) {
	w := newWorld(t, nil)
	w.append(record("a", 1))
	w.def.Prefix = "moved=!{partitionKeyFromQuery:key}/"
	w.define()
	w.append(record("a", 2))
	w.start()
	w.drain()
	w.want(`key=a {"key":"a","n":1}`, `moved=a {"key":"a","n":2}`)
}
