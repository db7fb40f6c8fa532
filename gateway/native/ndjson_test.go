package native

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestSplitLines(t *testing.T) {
	for _, c := range []struct {
		body string
		want []string
	}{
		{"", nil},
		{"\n", nil},
		{"\r\n \t\r\n\n", nil},
		{"a", []string{"a"}},
		{"a\n", []string{"a"}},
		{"a\nb", []string{"a", "b"}},
		{"a\r\nb\r\n", []string{"a", "b"}},
		{"\n\na\n\n\nb\n\n", []string{"a", "b"}},
		{" a \n", []string{" a "}},
		{"a\rb\n", []string{"a\rb"}},
		{"a\r\r\n", []string{"a\r"}},
		{"{not json\n", []string{"{not json"}},
		{"\xff\x00\n", []string{"\xff\x00"}},
	} {
		records, n, err := splitLines(nil, []byte(c.body), math.MaxInt64)
		if err != nil || int(n) != len(c.want) || !slices.Equal(asStrings(records), c.want) {
			t.Errorf("%q: got %q, count %d, error %v, want %q", c.body, records, n, err, c.want)
		}
	}
}

func TestSplitLinesCountsBeyondTheLimit(t *testing.T) {
	records, n, _ := splitLines(nil, []byte("a\nb\nc\n\nd"), 2)
	if got, want := asStrings(records), []string{"a", "b"}; !slices.Equal(got, want) || n != 4 {
		t.Errorf("got %q and a count of %d, want %q and 4", got, n, want)
	}
}

func FuzzSplitLines(f *testing.F) {
	for _, seed := range []string{"", "a\nb", "a\r\n\r\nb\n", " \n\t\n", "\r\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var want []string
		for line := range strings.SplitSeq(string(body), "\n") {
			line = strings.TrimSuffix(line, "\r")
			if strings.Trim(line, " \t\r") != "" {
				want = append(want, line)
			}
		}
		records, n, err := splitLines(nil, body, math.MaxInt64)
		if err != nil || int(n) != len(want) || !slices.Equal(asStrings(records), want) {
			t.Errorf("%q: got %q, count %d, error %v, want %q", body, records, n, err, want)
		}
	})
}

func asStrings(records [][]byte) []string {
	var s []string
	for _, r := range records {
		s = append(s, string(r))
	}
	return s
}
