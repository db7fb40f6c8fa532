package delivery

import (
	"regexp"
	"testing"
	"time"

	"hydrant/buffer"
	"hydrant/stream"
	"hydrant/stream/expr"
)

// TestRandomStringsInKeys wants them fresh per occurrence and per object, and the same for one object at every attempt.
func TestRandomStringsInKeys(t *testing.T) {
	const prefix = "a/" + expr.RandomString + expr.RandomString + "/" + expr.RandomString + "/"
	form := regexp.MustCompile(`^a/([A-Za-z0-9_-]{11})([A-Za-z0-9_-]{11})/([A-Za-z0-9_-]{11})/clicks-1-[0-9a-f-]*\.gz$`)
	lane := buffer.LaneInfo{Name: "clicks"}
	seen := map[string]bool{}
	for to := range buffer.Seq(100) {
		m := &Manifest{Version: 1, Partition: "\x00" + prefix, First: 1, To: to}
		key := objectKey(m, lane, prefix, ".gz", time.UnixMilli(0))
		found := form.FindStringSubmatch(key)
		if found == nil {
			t.Fatalf("got %q, want random strings in their places", key)
		}
		for _, text := range found[1:] {
			if seen[text] {
				t.Errorf("%s is there twice", text)
			}
			seen[text] = true
		}
		if again := objectKey(m, lane, prefix, ".gz", time.UnixMilli(0)); again != key {
			t.Errorf("got %q, then %q", key, again)
		}
		if len(key) > len(prefix)+(stream.Stream{Name: "clicks"}).LongestFileName() {
			t.Errorf("%q is longer than what was checked", key)
		}
	}
}

func TestKeyWithoutRandomStringIsAsItWas(t *testing.T) {
	m := &Manifest{Version: 1, Partition: "\x00a/", From: 1, First: 2, To: 3}
	want := "a/clicks-1-1970-01-01-00-00-00-" + objectID(m, buffer.LaneInfo{}) + ".gz"
	if got := objectKey(m, buffer.LaneInfo{Name: "clicks"}, "a/", ".gz", time.UnixMilli(0).UTC()); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
