package main

import (
	"regexp"
	"testing"

	"hydrant/stream"
)

// A stream's error output is told from its data, from other streams' and from what lies beside.
func TestErrorKeys(t *testing.T) {
	const id = "-3-2026-01-31-15-00-00-0b9f3b7e-1b1c-5d7e-8a0a-0123456789ab"
	for prefix, keys := range map[string]map[string]bool{
		"errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM}/": {
			"errors/processing-failed/2026/01/clicks" + id + ".gz": true,
			"errors/format-conversion-failed/2026/01/clicks" + id:  true,
			"errors/processing-failed/2026/01/views" + id + ".gz":  false,
			"errors/processing-failed/2026/01/a/clicks-views" + id: false,
			"clicks" + id + ".gz":                                              false,
			"other/errors/processing-failed/2026/01/clicks" + id:               false,
			".hydrant-replay/clicks/errors/processing-failed/2026/clicks" + id: false,
		},
		"!{firehose:error-output-type}/": {"processing-failed/clicks" + id: true, "customer=a/clicks" + id: false, "2026/clicks" + id: false},
		"a+b/failed-":                    {"a+b/failed-clicks" + id: true, "aab/failed-clicks" + id: false},

		// The stream's name follows the expression at once, and other streams have the prefix too.
		"errors/!{timestamp:yyyy}":            {"errors/2026clicks" + id: true, "errors/2026web-clicks" + id: false, "errors/20261clicks" + id: false},
		"!{firehose:error-output-type}":       {"processing-failedclicks" + id: true, "processing-failedx-failedclicks" + id: false},
		"e/!{firehose:random-string}":         {"e/0123_56789-clicks" + id: true, "e/0123_56789-a-clicks" + id: false},
		"e/!{timestamp:yyyy}/!{timestamp:EE}": {"e/2026/Satclicks" + id: true, "e/2026/SatMonclicks" + id: false},
	} {
		matches := mustMatchErrorKeys(t, prefix)
		for key, want := range keys {
			if matches.MatchString(key) != want {
				t.Errorf("%s, %s: want %v", prefix, key, want)
			}
		}
	}
}

// An earlier prefix without an expression finds what the node made of it: in the file's way with type and time, in Firehose's
// with the time.
func TestEarlierErrorKeys(t *testing.T) {
	const id = "-3-2026-01-31-15-00-00-0b9f3b7e-1b1c-5d7e-8a0a-0123456789ab"
	matches := mustMatchErrorKeys(t, asInForce("failed/"))
	for key, want := range map[string]bool{
		"failed/processing-failed/2026/01/31/15/clicks" + id + ".gz": true, "failed/2026/01/31/15/clicks" + id: true,
		"failed/2026/01/31/15/views" + id: false, "failed/2026/01/31/15/web-clicks" + id: false, "clicks/2026/01/31/15/clicks" + id: false,
	} {
		if matches.MatchString(key) != want {
			t.Errorf("%s: want %v", key, want)
		}
	}
}

func mustMatchErrorKeys(t *testing.T, prefix string) *regexp.Regexp {
	t.Helper()
	matches, err := errorKeys(stream.Stream{Name: "clicks", ErrorPrefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	return matches
}
