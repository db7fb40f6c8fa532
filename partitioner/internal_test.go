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

// Where records were partitioned beside the lane, nothing but Exceeded asks the lane's own partitioner, for a record after
// another.
func TestExceededKeepsNothing(t *testing.T) {
	definition := stream.Stream{
		Name: "s", Prefix: "!{partitionKeyFromQuery:k}/", PartitionKeys: map[string]string{"k": ".k"},
	}.WithDefaults()
	beside, err := New(definition)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(definition)
	if err != nil {
		t.Fatal(err)
	}
	record := []byte(`{"k":"a"}`)
	out := beside.Process(nil, 1, 0, record)[0]
	want := beside.Exceeded(0, record, 0, &out)
	for range maxKept {
		if got := p.Exceeded(0, record, 0, &out); string(got.Prefix) != string(want.Prefix) || string(got.Data) != string(want.Data) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	}
	if got := cap(p.evaluated); got > maxKept {
		t.Errorf("got %d bytes kept, want at most %d", got, maxKept)
	}
}
