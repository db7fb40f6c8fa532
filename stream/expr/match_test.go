package expr

import (
	"regexp"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever a template evaluates to, it matches.
func TestMatching(t *testing.T) {
	const letters = "yuYQMLwWdDEeaHhKkmsSnzZXxO"
	rapid.Check(t, func(rt *rapid.T) {
		source := "a.b!{timestamp:"
		for range rapid.IntRange(1, 4).Draw(rt, "fields") {
			letter := rapid.SampledFrom([]byte(letters)).Draw(rt, "letter")
			for range rapid.IntRange(1, 5).Draw(rt, "repeats") {
				source += string(letter)
			}
			source += "-"
		}
		template, err := Parse(source + "}/!{firehose:error-output-type}")
		if err != nil {
			rt.Skip(err)
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
