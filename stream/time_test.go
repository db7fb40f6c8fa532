package stream_test

import (
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"hydrant/stream"
)

func TestTimeDefaults(t *testing.T) {
	const hour = stream.Duration(time.Hour)
	for _, test := range []struct{ given, want stream.Time }{
		{stream.Time{Field: ".ts"}, stream.Time{Field: ".ts", Format: "rfc3339"}},
		{
			stream.Time{Field: ".ts", Format: "epoch_s", Late: hour, Early: hour},
			stream.Time{
				Field: ".ts", Format: "epoch_s", Late: hour, Early: hour,
				LatePrefix: "late/s/!{timestamp:yyyy/MM/dd/HH}/", EarlyPrefix: "early/s/!{timestamp:yyyy/MM/dd/HH}/",
			},
		},
		{
			stream.Time{Format: "rfc3339", Late: hour, LatePrefix: "l", Early: hour, EarlyPrefix: "e!{timestamp:yyyy}/"},
			stream.Time{
				Format: "rfc3339", Late: hour, LatePrefix: "l!{timestamp:yyyy/MM/dd/HH}/", Early: hour, EarlyPrefix: "e!{timestamp:yyyy}/",
			},
		},
	} {
		given := test.given
		got := stream.Stream{Name: "s", Time: &given}.WithDefaults()
		if *got.Time != test.want {
			t.Errorf("got %+v, want %+v", *got.Time, test.want)
		}
		if given != test.given {
			t.Errorf("the definition given was changed to %+v", given)
		}
	}
}

// TestTimeIsOptional keeps stored definitions as they are: without event time nothing is written of it.
func TestTimeIsOptional(t *testing.T) {
	if text := string(stream.Stream{Name: "s"}.WithDefaults().Encode()); strings.Contains(text, `"time"`) {
		t.Errorf("got %s, want nothing of time", text)
	}
	var s stream.Stream
	text := "time: {field: .ts, format: epoch_ms, late: 24h, late_prefix: l/, early: 5m, early_prefix: e/}"
	if err := yaml.UnmarshalWithOptions([]byte(text), &s, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	want := `"time":{"field":".ts","format":"epoch_ms","late":"24h","late_prefix":"l/","early":"5m","early_prefix":"e/"}`
	if got := string(s.Encode()); !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestValidateTime(t *testing.T) {
	const bound = stream.Duration(time.Hour)
	for _, test := range []struct {
		path, want string
		time       stream.Time
	}{
		{"", "", stream.Time{Field: ".a.ts"}},
		{"", "", stream.Time{Field: ".ts", Late: bound, LatePrefix: "l/!{partitionKeyFromQuery:customer}/", Early: bound}},
		{"time.field", "the path is empty", stream.Time{}},
		{"time.field", "only simple paths are supported", stream.Time{Field: "ts"}},
		{"time.format", "rfc3339, epoch_s, epoch_ms or a Java pattern", stream.Time{Field: ".ts", Format: "epoch"}},
		{"time.format", "it gives no date", stream.Time{Field: ".ts", Format: "HH:mm"}},
		{"time.format", "is not UTF-8", stream.Time{Field: ".ts", Format: "yyyy-MM-dd\xff"}},
		{"time.late_prefix", "add time.late, such as 24h, or remove the prefix", stream.Time{Field: ".ts", LatePrefix: "l/"}},
		{"time.early_prefix", "add time.early", stream.Time{Field: ".ts", EarlyPrefix: "l/"}},
		{"time.late", "is 1ns; it must be 1ms or more", stream.Time{Field: ".ts", Late: 1}},
		{"time.late_prefix", `"k" is not declared`, stream.Time{Field: ".ts", Late: bound, LatePrefix: "!{partitionKeyFromQuery:k}/"}},
		{"time.early_prefix", "error_prefix only", stream.Time{
			Field: ".ts", Early: bound, EarlyPrefix: "!{firehose:error-output-type}/",
		}},
		{"time.early_prefix", "has a segment", stream.Time{Field: ".ts", Early: bound, EarlyPrefix: "../x/"}},
		{"time.early_prefix", "a segment of the key has 256 bytes", stream.Time{
			Field: ".ts", Early: bound, EarlyPrefix: strings.Repeat("x", 256) + "/",
		}},
	} {
		faults := valid(func(s *stream.Stream) { s.Time = &test.time }).Validate()
		if test.path == "" && len(faults) > 0 {
			t.Errorf("%+v: got %v", test.time, faults)
		}
		if test.path != "" && (len(faults) != 1 || faults[0].Path != test.path || !strings.Contains(faults[0].Message, test.want)) {
			t.Errorf("got %v, want one fault %s: ...%s...", faults, test.path, test.want)
		}
	}
}

func TestWarnsOfTimeWithoutUse(t *testing.T) {
	s := valid(func(s *stream.Stream) {
		s.Prefix, s.Time = "p/!{partitionKeyFromQuery:customer}/", &stream.Time{Field: ".ts"}
	})
	if got := s.Warnings(); len(got) != 1 || got[0].Path != "time" {
		t.Errorf("got %v, want a warning of time", got)
	}
	s.Time.Late = 1
	if got := s.Warnings(); len(got) != 0 {
		t.Errorf("got %v, want none", got)
	}
}

// TestErrorOutputFits puts the error prefix at the limit when its timestamp is longest: no month may be longer.
func TestErrorOutputFits(t *testing.T) {
	prefix := func(size int) stream.Stream {
		return valid(func(s *stream.Stream) {
			s.ErrorPrefix = "!{firehose:error-output-type}/!{timestamp:MMMM EEEE zzzz D}" + strings.Repeat("x", size)
			s.TimeZone = "Africa/Casablanca"
		})
	}
	longest := len("September Wednesday Western European Summer Time 267")
	size := stream.MaxSegment - longest - prefix(0).LongestFileName()
	if faults := prefix(size).Validate(); len(faults) > 0 {
		t.Errorf("got %v at the limit", faults)
	}
	if faults := prefix(size + 1).Validate(); len(faults) != 1 {
		t.Errorf("got %v beyond the limit, want one fault", faults)
	}
}
