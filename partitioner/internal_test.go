package partitioner

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hydrant/stream"
)

func TestAppendStringIsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.String().Draw(t, "text")
		var got string
		if err := json.Unmarshal(appendString(nil, want), &got); err != nil || got != want {
			t.Fatalf("got %q (%v), want %q", got, err, want)
		}
	})
}

func TestLongPrefixIsNotKept(t *testing.T) {
	p, err := New(stream.Stream{
		Name: "s", Prefix: "!{partitionKeyFromQuery:k}/", PartitionKeys: map[string]string{"k": ".k"},
	}.WithDefaults())
	if err != nil {
		t.Fatal(err)
	}
	p.Process(nil, 1, 0, fmt.Appendf(nil, `{"k":"%s"}`, strings.Repeat("x", 1<<20)))
	if got := cap(p.evaluated); got > maxKept {
		t.Errorf("got %d bytes kept, want at most %d", got, maxKept)
	}
}
