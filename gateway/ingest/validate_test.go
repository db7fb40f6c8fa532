package ingest

import (
	"strings"
	"testing"
)

func TestStreamsThatTakeJSONAlone(t *testing.T) {
	in := newIngest(t, Limits{}, Deps{Log: &fakeLog{}})
	for _, c := range []struct {
		records string // separated by |
		want    string // of the error's text; none where they are taken
	}{
		{`{"a":1}`, ""},
		{`{"a":1,"a":2}|[1,2]|"text"|17|null| {} `, ""},
		{`{"a":1}|{"a":`, "record 2 is not valid JSON, which the stream asks for: unexpected EOF at byte 5"},
		{`{"a":1} {"b":2}`, "record 1 is not valid JSON"},
		{`{"a":01}`, "at byte 6"},
		{"\"\xff\"", "invalid UTF-8"},
		{`||`, "record 1 is not valid JSON"},
	} {
		var records [][]byte
		for r := range strings.SplitSeq(c.records, "|") {
			records = append(records, []byte(r))
		}
		_, err := in.Append(t.Context(), &Stream{Name: "s", gate: new(gate), series: new(series), Accepting: true, JSON: true}, &Request{ingest: in, Records: records})
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.records, err)
			}
			continue
		}
		if err == nil || AsError(err).Code != InvalidRecord || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.records, err, c.want)
		}
		if _, err := in.Append(t.Context(), &Stream{Name: "s", gate: new(gate), series: new(series), Accepting: true}, &Request{ingest: in, Records: records}); err != nil {
			t.Errorf("%s: a stream that takes anything says %v", c.records, err)
		}
	}
}

func BenchmarkValidJSON(b *testing.B) {
	record := []byte(`{"time":"2026-01-01T00:00:00Z","level":"info","n":17,"message":"` + strings.Repeat("words and more ", 60) + `"}`)
	records := [][]byte{record, record, record, record}
	b.SetBytes(int64(4 * len(record)))
	b.ReportAllocs()
	for b.Loop() {
		if err := validJSON(records); err != nil {
			b.Fatal(err)
		}
	}
}
