package expr

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever a template evaluates to, it matches.
func TestMatching(t *testing.T) {
	field := rapid.Custom(func(rt *rapid.T) string {
		letter := rapid.SampledFrom([]string{"y", "u", "Y", "Q", "M", "L", "w", "W", "d", "D", "E", "e", "a", "H", "h", "K", "k", "m", "s", "S", "n", "z", "Z", "X", "x", "O"}).Draw(rt, "letter")
		return strings.Repeat(letter, rapid.IntRange(1, 5).Draw(rt, "repeats")) + "-"
	}).Filter(func(field string) bool { // no letter may stand as often as any
		_, err := Parse("!{timestamp:" + field + "}")
		return err == nil
	})
	rapid.Check(t, func(rt *rapid.T) {
		fields := rapid.SliceOfN(field, 1, 4).Draw(rt, "fields")
		source := "a.b!{timestamp:" + strings.Join(fields, "") + "}/!{firehose:error-output-type}"
		template, err := Parse(source)
		if err != nil {
			rt.Fatal(err)
		}
		at := rapid.Int64Range(0, 4_000_000_000_000).Draw(rt, "milliseconds")
		matches := regexp.MustCompile("^" + template.Matching("x-failed") + "$")
		if text := string(template.Evaluator(time.UTC, "x-failed").Append(nil, at, nil)); !matches.MatchString(text) {
			rt.Errorf("%s gives %q, which %v does not match", source, text, matches)
		}
	})
}

// Nothing else than the template gives is taken for it, where a name follows at once.
func TestMatchingIsNarrow(t *testing.T) {
	for source, others := range map[string][]string{
		"e!{timestamp:yyyy}":         {"e202", "e2026web-", "e20261"},
		"e!{timestamp:HHmm}":         {"e2460", "e110", "e1100x"},
		"e!{timestamp:MMMM}":         {"eMay-", "eMayJune", "emay"},
		"e!{firehose:random-string}": {"e0123456789", "e01234567890a"},
	} {
		template, err := Parse(source)
		if err != nil {
			t.Fatal(err)
		}
		matches := regexp.MustCompile("^" + template.Matching("") + "$")
		for _, other := range others {
			if matches.MatchString(other) {
				t.Errorf("%s: %q matches %v", source, other, matches)
			}
		}
	}
}
