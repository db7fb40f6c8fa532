package partitioner_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hydrant/partitioner"
	"hydrant/stream"
)

const day = stream.Duration(24 * time.Hour)

// TestEventTime has records whose times lie at the bounds and beyond them. The arrival is 2025-07-11T14:34:09.123Z.
func TestEventTime(t *testing.T) {
	const prefix = "d/!{timestamp:yyyy-MM-dd-HH}/!{partitionKeyFromQuery:a}/!{partitionKeyFromQuery:b}/"
	keys := map[string]string{"a": ".a", "b": ".b"}
	bounded := stream.Time{
		Field: ".ts", Late: day, Early: stream.Duration(time.Hour), LatePrefix: "late/!{partitionKeyFromQuery:b}/!{timestamp:HH}/",
		EarlyPrefix: "soon",
	}
	for _, test := range []struct {
		time stream.Time
		ts   string
		want string
	}{
		{stream.Time{Field: ".ts"}, `"2001-01-01T00:00:00Z"`, "d/2001-01-01-00/x/y/"},
		{stream.Time{Field: ".ts"}, `"9999-12-31T23:59:59Z"`, "d/9999-12-31-23/x/y/"},
		{stream.Time{Field: ".ts", Format: "epoch_s"}, `1752244449`, "d/2025-07-11-14/x/y/"},
		{stream.Time{Field: ".ts", Format: "epoch_s"}, `"1752244449.5"`, "d/2025-07-11-14/x/y/"},
		{stream.Time{Field: ".ts", Format: "epoch_ms"}, `0`, "d/1970-01-01-00/x/y/"},
		{stream.Time{Field: ".ts", Format: "dd.MM.yyyy HH"}, `"01.02.2003 04"`, "d/2003-02-01-04/x/y/"},
		{bounded, `"2025-07-11T14:34:09.123Z"`, "d/2025-07-11-14/x/y/"},
		{bounded, `"2025-07-10T14:34:09.123Z"`, "d/2025-07-10-14/x/y/"},
		{bounded, `"2025-07-10T14:34:09.122Z"`, "late/y/14/"},
		{bounded, `"0001-01-01T00:00:00Z"`, "late/y/14/"},
		{bounded, `"2025-07-11T15:34:09.123Z"`, "d/2025-07-11-15/x/y/"},
		{bounded, `"2025-07-11T15:34:09.124Z"`, "soon2025/07/11/14/"},
		{stream.Time{Field: ".ts", Late: day}, `"2025-07-10T14:34:09.122Z"`, "late/clicks/2025/07/11/14/"},
		{stream.Time{Field: ".ts", Late: day}, `"2026-07-10T14:34:09.122Z"`, "d/2026-07-10-14/x/y/"},
		{stream.Time{Field: ".ts", Early: day}, `"2026-07-10T14:34:09.122Z"`, "early/clicks/2025/07/11/14/"},
	} {
		data := fmt.Appendf(nil, `{"b":"y","a":"x","ts":%s}`, test.ts)
		got := newPartitioner(t, timed(prefix, keys, test.time)).Process(nil, 1, arrival, data)
		if len(got) != 1 || got[0].Error != "" || string(got[0].Prefix) != test.want || string(got[0].Data) != string(data) {
			t.Errorf("%s: got %+v, want %q", test.ts, got, test.want)
		}
	}
}

// TestWithoutEventTime wants the reason, and that the error output lies at the arrival.
func TestWithoutEventTime(t *testing.T) {
	const failed = "DynamicPartitioning.EventTimeFailed"
	s := timed("p/!{timestamp:HH}/!{partitionKeyFromQuery:k}/", map[string]string{"k": ".k"}, stream.Time{
		Field: ".e.ts", Late: day, LatePrefix: "late/!{partitionKeyFromQuery:k}/",
	})
	p := newPartitioner(t, s)
	for _, test := range []struct{ record, code, message string }{
		{`{"k":1}`, failed, "the event time (.e.ts) is missing"},
		{`{"k":1,"e":{"ts":null}}`, failed, "the event time (.e.ts) is null"},
		{`{"k":1,"e":{"ts":""}}`, failed, "the event time (.e.ts) is an empty string"},
		{`{"k":1,"e":7}`, failed, "the event time (.e.ts) is out of reach: a value on the way to it is of another type"},
		{`{"k":1,"e":{"ts":true}}`, failed, "the event time (.e.ts) does not have the format rfc3339"},
		{`{"k":1,"e":{"ts":"0000-01-01T00:00:00Z"}}`, failed, "the event time (.e.ts) is not within the years 1 to 9999"},
		{`{"e":{}}`, "DynamicPartitioning.MetadataExtractionFailed", "the partition key k (.k) is missing"},
		{`x`, "DynamicPartitioning.MetadataExtractionFailed", "the record is not one JSON object: an object must begin here (byte 0)"},
		{
			`{"k":"` + strings.Repeat("x", 256) + `","e":{"ts":"2025-01-01T00:00:00Z"}}`, "DynamicPartitioning.KeyTooLong",
			"a segment of the key has 256 bytes; the limit is 255", // of the late prefix
		},
	} {
		got := p.Process(nil, 1, arrival, []byte(test.record))
		if len(got) != 1 || got[0].Error != "processing-failed" || string(got[0].Prefix) != "errors/clicks/processing-failed/2025/07/11/14/" {
			t.Errorf("%.60s: got %.200v, want one error output", test.record, got)
			continue
		}
		want := failureLine{
			AttemptsMade: 1, ArrivalTimestamp: arrival, AttemptEndingTimestamp: arrival,
			ErrorCode: test.code, ErrorMessage: test.message, RawData: []byte(test.record),
		}
		if line := readLine(t, got[0].Data); !reflect.DeepEqual(line, want) {
			t.Errorf("got %.300v, want %.300v", line, want)
		}
	}
}

// TestBoundsDivide draws event times and arrivals: a record is late, early or neither, and its data's prefix tells of the
// event's time only in the last case.
func TestBoundsDivide(t *testing.T) {
	p := newPartitioner(t, timed("on/!{timestamp:yyyyMMddHHmmssSSS}/", nil, stream.Time{
		Field: ".ts", Format: "epoch_ms", Late: stream.Duration(time.Minute), Early: stream.Duration(time.Second),
		LatePrefix: "late/!{timestamp:yyyyMMddHHmmssSSS}/", EarlyPrefix: "early/!{timestamp:yyyyMMddHHmmssSSS}/",
	}))
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Int64Range(0, 4e12).Draw(t, "arrival")
		event := at + rapid.Int64Range(-70_000, 2_000).Draw(t, "ahead")
		kind, told := "on", event
		if at-event > 60_000 {
			kind, told = "late", at
		} else if event-at > 1000 {
			kind, told = "early", at
		}
		stamp := time.UnixMilli(told).UTC().Format("20060102150405.000")
		want := kind + "/" + strings.Replace(stamp, ".", "", 1) + "/"
		out := p.Process(nil, 1, at, fmt.Appendf(nil, `{"ts":%d}`, event))
		if string(out[0].Prefix) != want || out[0].Error != "" {
			t.Fatalf("got %+v, want %q", out, want)
		}
	})
}

func TestNewRefusesTimes(t *testing.T) {
	for _, test := range []struct {
		want string
		time stream.Time
	}{
		{"time.field: the path", stream.Time{Field: "ts", Format: "rfc3339"}},
		{"time.format: the format is", stream.Time{Field: ".ts", Format: "x"}},
		{"time.late_prefix: !{a:b}", stream.Time{Field: ".ts", Format: "rfc3339", Late: 1e9, LatePrefix: "!{a:b}"}},
		{"time.early_prefix: a partition key is used", stream.Time{
			Field: ".ts", Format: "rfc3339", Early: 1e9, EarlyPrefix: "!{partitionKeyFromQuery:k}",
		}},
	} {
		s := definition("", nil)
		s.Time = &test.time
		if _, err := partitioner.New(s); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

func BenchmarkEventTime(b *testing.B) {
	for _, bench := range []struct{ format, value string }{
		{"rfc3339", `"2025-07-11T14:34:09.123Z"`}, {"epoch_ms", "1752244449123"}, {"yyyy-MM-dd HH:mm:ss", `"2025-07-11 14:34:09"`},
	} {
		b.Run(bench.format, func(b *testing.B) {
			p := newPartitioner(b, timed("d/!{timestamp:yyyy/MM/dd/HH}/", nil, stream.Time{Field: ".ts", Format: bench.format, Late: day}))
			data := fmt.Appendf(nil, `{"ts":%s,"payload":"%s"}`, bench.value, strings.Repeat("x", 900))
			var out []partitioner.Output
			b.ReportAllocs()
			for b.Loop() {
				out = p.Process(out[:0], 1, arrival, data)
			}
			if out[0].Error != "" {
				b.Fatalf("%s", out[0].Data)
			}
		})
	}
}
