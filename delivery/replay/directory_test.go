package replay

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// fakeNode counts the records that it takes, without knowing keys.
func fakeNode(t *testing.T) (url string, records *atomic.Int64) {
	records = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		n := int64(strings.Count(string(body), "record"))
		records.Add(n)
		fmt.Fprintf(w, `{"records":%d,"sequence":"0/1-2","duplicate":false}`, n)
	}))
	t.Cleanup(server.Close)
	return server.URL, records
}

// A directory keeps its marks in itself, or elsewhere; a dry run writes nothing; only what is in the time range is sent.
func TestReplayOfADirectory(t *testing.T) {
	dir, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "state")
	for hour := range 3 {
		path := filepath.Join(dir, "clicks", fmt.Sprintf("clicks-1-2026-01-31-%02d-00-00-0b9f3b7e-1b1c-5d7e-8a0a-0123456789ab", hour))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("record\nrecord\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, other := range []string{"clicks/other", "clicks/.hidden", ".hydrant/lease"} {
		path := filepath.Join(dir, other)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("record"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	url, records := fakeNode(t)
	for i, c := range []struct {
		change  func(*Options)
		out     string
		records int64 // in all
	}{
		{func(o *Options) { o.DryRun = true }, "to replay: 2 objects, 28 B as stored\nreplayed before: 0 objects\n" +
			"left out: 1 objects outside the time range, 1 without a time in their name\nrecords: 4, 24 B\n", 0},
		{nil, "sent: 4 records of 2 objects; 0 of them", 4},
		{nil, "to replay: 0 objects, 0 B as stored\nreplayed before: 2 objects", 4},
		{func(o *Options) { o.State = elsewhere }, "sent: 4 records of 2 objects", 8},
		{func(o *Options) { o.State, o.Delete = elsewhere, true }, "deleted: 2 objects", 8},
		{func(o *Options) { o.Selection = Selection{} }, "sent: 3 records of 2 objects", 11},
	} {
		var out strings.Builder
		o := Options{
			Source: Directory{dir}, Form: Records{"\n"}, Node: Node{URL: url, Stream: "copy"}, Out: &out, Progress: io.Discard,
			Decompress: func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(r), nil },
			Selection:  Selection{From: time.Date(2026, 1, 31, 1, 0, 0, 0, time.UTC), Zone: time.UTC},
		}
		if c.change != nil {
			c.change(&o)
		}
		err := Run(t.Context(), o)
		if err != nil || !strings.Contains(out.String(), c.out) || records.Load() != c.records {
			t.Errorf("run %d: got %v, %d records, %s, want %d and %s", i+1, err, records.Load(), out.String(), c.records, c.out)
		}
		if _, err := os.Stat(filepath.Join(dir, marksDirectory, "copy.jsonl")); (err == nil) != (i > 0) {
			t.Errorf("run %d: the marks: %v", i+1, err)
		}
	}
}

// A directory that is not there is a mistake: it is told, and not made.
func TestReplayOfNoDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mistyped")
	err := Run(t.Context(), Options{Source: Directory{dir}, Form: Errors{}, Node: Node{Stream: "copy"}, Out: io.Discard, Progress: io.Discard})
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("it is there: %v", err)
	}
}

func TestReplayKeepsToItsRate(t *testing.T) {
	p := pace{rate: 1000}
	started := time.Now()
	for range 3 {
		if err := p.wait(t.Context(), 50); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(started); took < 100*time.Millisecond {
		t.Errorf("150 records at 1000 a second began their last 50 after %v", took)
	}
}
