package native

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"hydrant/gateway/ingest"
)

func TestSplitJSON(t *testing.T) {
	for _, c := range []struct {
		body string
		want []string
	}{
		{`{}`, []string{`{}`}},
		{" {\"a\": 1}\n", []string{`{"a": 1}`}},
		{`[]`, nil},
		{``, nil},
		{" \n", nil},
		{`[{"a":1},{"b":2}]`, []string{`{"a":1}`, `{"b":2}`}},
		{"[ {\"a\" : 1} ,\n\t{\"b\":2}\n]\n", []string{`{"a" : 1}`, `{"b":2}`}},
		{`[1,"two",null,true,[3]]`, []string{`1`, `"two"`, `null`, `true`, `[3]`}},
		{`{"a":1,"a":2}`, []string{`{"a":1,"a":2}`}},
		{`[1.0,1e400,-0,12345678901234567890]`, []string{`1.0`, `1e400`, `-0`, `12345678901234567890`}},
		{`["\u00e9\/\ud800"]`, []string{`"\u00e9\/\ud800"`}},
		{"[\"\xff\"]", []string{"\"\xff\""}},
		{"{\"a\":" + nested(2000) + "}", []string{"{\"a\":" + nested(2000) + "}"}},
		{"[" + nested(2000) + ",1]", []string{nested(2000), "1"}},
	} {
		records, n, err := splitJSON(nil, []byte(c.body), math.MaxInt64)
		if err != nil || int(n) != len(c.want) || !slices.Equal(asStrings(records), c.want) {
			t.Errorf("%q: got %q, count %d, error %v, want %q", c.body, records, n, err, c.want)
		}
	}
}

// nested is deeper than scanJSON goes: only the parser can split it.
func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

func TestSplitJSONRefuses(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`"text"`, "single JSON value"},
		{`17`, "single JSON value"},
		{`null`, "single JSON value"},
		{`{} {}`, "goes on after"},
		{`[1] x`, "at byte 4"},
		{`{"a":}`, "at byte 5"},
		{`{"a":1`, "at byte 6"},
		{`[1,]`, "at byte 2"},
		{`[1`, "at byte 2"},
		{`[1}`, "at byte 2"},
		{`{'a':1}`, "at byte 1"},
		{`["\q"]`, "at byte 2"},
		{"[\"a\nb\"]", "at byte 3"},
		{`[tru]`, "at byte"},
		{"\ufeff{}", "at byte 0"},
		{strings.Repeat("[", 20_000), "depth"},
		{strings.Repeat(`{"a":`, 20_000), "depth"},
	} {
		_, _, err := splitJSON(nil, []byte(c.body), math.MaxInt64)
		var e *ingest.Error
		if !errors.As(err, &e) || e.Code != ingest.InvalidJSON || !strings.Contains(e.Detail, c.want) {
			t.Errorf("%.40q: got error %v, want %s with %q", c.body, err, ingest.InvalidJSON, c.want)
		} else if len(e.Detail) > 300 {
			t.Errorf("%.40q: the detail is %d bytes long", c.body, len(e.Detail))
		}
	}
}

func TestSplitJSONCountsBeyondTheLimit(t *testing.T) {
	records, n, err := splitJSON(nil, []byte(`[1,2,3,4]`), 2)
	if got, want := asStrings(records), []string{"1", "2"}; err != nil || !slices.Equal(got, want) || n != 4 {
		t.Errorf("got %q, a count of %d, error %v, want %q and 4", got, n, err, want)
	}
}

// encoding/json is the judge of what is JSON and of where each element begins and ends.
func FuzzSplitJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[]`, `[{"a":1},{"b":2}]`, ` [ 1 , "x" ] `, `{"a":{"b":[null]}}`, `[1,]`, `{}{}`, `"x"`, `["\ud800"]`, "[\"\xff\"]", ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		sent := bytes.Clone(body)
		records, n, err := splitJSON(nil, body, math.MaxInt64)
		if !bytes.Equal(body, sent) {
			t.Fatalf("the body was changed from %q to %q", sent, body)
		}
		want, valid := oracle(body)
		if got := err == nil; got != valid {
			t.Fatalf("%q: got error %v, want valid %v", body, err, valid)
		}
		if err == nil && (int(n) != len(want) || !slices.Equal(asStrings(records), want)) {
			t.Errorf("%q: got %q, want %q", body, records, want)
		}
	})
}

func oracle(body []byte) (records []string, valid bool) {
	trimmed := bytes.Trim(body, " \t\r\n")
	if len(trimmed) == 0 {
		return nil, true
	}
	switch {
	case !json.Valid(body):
		return nil, false
	case trimmed[0] == '{':
		return []string{string(trimmed)}, true
	case trimmed[0] != '[':
		return nil, false
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(body, &elements); err != nil {
		return nil, false
	}
	for _, e := range elements {
		records = append(records, string(e))
	}
	return records, true
}
