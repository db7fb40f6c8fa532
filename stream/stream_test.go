package stream_test

import (
	"bytes"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"pgregory.net/rapid"

	"hydrant/stream"
)

func TestWithDefaults(t *testing.T) {
	got := stream.Stream{Name: "clicks"}.WithDefaults()
	want := stream.Stream{
		Name:        "clicks",
		Buffering:   stream.Buffering{Size: 64 * stream.MiB, Interval: stream.Duration(time.Minute)},
		Prefix:      "clicks/!{timestamp:yyyy/MM/dd/HH}/",
		ErrorPrefix: "errors/clicks/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/",
		TimeZone:    "UTC",
		Compression: "gzip",
		Delimiter:   new("\n"),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestPrefixesAreCompletedAsFirehoseDoes(t *testing.T) {
	for _, test := range []struct{ prefix, errorPrefix, want, wantError string }{
		{"legacy", "bad", "legacy!{timestamp:yyyy/MM/dd/HH}/", "bad!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/"},
		{"a/", "b/", "a/!{timestamp:yyyy/MM/dd/HH}/", "b/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/"},
		{"!{timestamp:yyyy}", "!{firehose:error-output-type}", "!{timestamp:yyyy}", "!{firehose:error-output-type}"},
	} {
		got := stream.Stream{Name: "s", Prefix: test.prefix, ErrorPrefix: test.errorPrefix}.WithDefaults()
		if got.Prefix != test.want || got.ErrorPrefix != test.wantError {
			t.Errorf("got %q and %q, want %q and %q", got.Prefix, got.ErrorPrefix, test.want, test.wantError)
		}
	}
}

// TestDefinitions draws definitions: defaults fill in and never change what is filled in, and the JSON form is faithful
// and the same for equal definitions.
func TestDefinitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		drawn := drawStream(t)
		full := drawn.WithDefaults()
		if again := full.WithDefaults(); !reflect.DeepEqual(again, full) {
			t.Fatalf("defaults of defaults: got %+v, want %+v", again, full)
		}
		for _, s := range []stream.Stream{drawn, full} {
			got, err := stream.Decode(s.Encode())
			if err != nil || !reflect.DeepEqual(got, s) {
				t.Fatalf("got %+v (%v), want %+v", got, err, s)
			}
			if equal := twin(s); !bytes.Equal(equal.Encode(), s.Encode()) {
				t.Fatalf("got %s, want %s", equal.Encode(), s.Encode())
			}
		}
	})
}

func drawStream(t *rapid.T) stream.Stream {
	text := func(name string) string {
		return rapid.SampledFrom([]string{"", "a", "a/", "é<&>\u2028", "!{timestamp:yyyy}/"}).Draw(t, name)
	}
	s := stream.Stream{
		Name: rapid.StringMatching(`[A-Za-z0-9_.-]{1,64}`).Draw(t, "name"),
		Buffering: stream.Buffering{
			Size:     stream.Size(rapid.Int64Range(0, 1<<40).Draw(t, "size")),
			Interval: stream.Duration(rapid.Int64Min(0).Draw(t, "interval")),
		},
		Prefix:      text("prefix"),
		ErrorPrefix: text("error prefix"),
		TimeZone:    text("zone"),
		Compression: text("compression"),
		RecordForm:  text("form"),

		FileExtension: text("extension"),
	}
	if rapid.Bool().Draw(t, "delimiter") {
		s.Delimiter = new(text("delimiter text"))
	}
	if rapid.Bool().Draw(t, "keys") {
		s.PartitionKeys = rapid.MapOfN(rapid.StringMatching(`[a-f]`), rapid.Just(".a"), 1, 6).Draw(t, "partition keys")
	}
	if rapid.Bool().Draw(t, "time") {
		s.Time = &stream.Time{
			Field: text("field"), Format: text("format"), LatePrefix: text("late prefix"), EarlyPrefix: text("early prefix"),
			Late: stream.Duration(rapid.Int64Min(0).Draw(t, "late")), Early: stream.Duration(rapid.Int64Min(0).Draw(t, "early")),
		}
	}
	if rapid.Bool().Draw(t, "S3") {
		s.Destination.S3 = &stream.S3{Bucket: text("bucket"), PathStyle: rapid.Bool().Draw(t, "path style")}
	} else {
		s.Destination.Directory = &stream.Directory{Path: text("path")}
	}
	if rapid.Bool().Draw(t, "backup") {
		s.Backup = &stream.Backup{
			Prefix: text("backup prefix"), Compression: text("backup compression"),
			Destination: stream.Destination{Directory: &stream.Directory{Path: text("backup path")}},
		}
	}
	return s
}

// twin is an equal definition that shares no memory; where it has no keys its map is empty instead of nil.
func twin(s stream.Stream) stream.Stream {
	keys := map[string]string{}
	maps.Copy(keys, s.PartitionKeys)
	s.PartitionKeys = keys
	if s.Delimiter != nil {
		s.Delimiter = new(strings.Clone(*s.Delimiter))
	}
	return s
}

func TestFromYAML(t *testing.T) {
	const text = `
buffering: {size: 64MiB, interval: 60s}
prefix: "clicks/dt=!{timestamp:yyyy-MM-dd}/customer=!{partitionKeyFromQuery:customer}/"
error_prefix: "errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/"
partition_keys: {customer: .customer.id}
time_zone: Asia/Tokyo
compression: none
delimiter: ""
destination:
  s3: {bucket: lake, region: us-east-1, endpoint: "http://127.0.0.1:9000", path_style: true}
`
	got := stream.Stream{Name: "clicks"}
	if err := yaml.UnmarshalWithOptions([]byte(text), &got, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	want := stream.Stream{
		Name:          "clicks",
		Buffering:     stream.Buffering{Size: 64 * stream.MiB, Interval: stream.Duration(time.Minute)},
		Prefix:        "clicks/dt=!{timestamp:yyyy-MM-dd}/customer=!{partitionKeyFromQuery:customer}/",
		ErrorPrefix:   "errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/",
		PartitionKeys: map[string]string{"customer": ".customer.id"},
		TimeZone:      "Asia/Tokyo",
		Compression:   "none",
		Delimiter:     new(""),
		Destination: stream.Destination{S3: &stream.S3{
			Bucket: "lake", Region: "us-east-1", Endpoint: "http://127.0.0.1:9000", PathStyle: true,
		}},
	}
	if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(got.WithDefaults(), want) {
		t.Errorf("got %s, want %s, with and without defaults", got.Encode(), want.Encode())
	}
	if faults := got.Validate(); len(faults) > 0 {
		t.Errorf("got %v", faults)
	}
}

func TestEncodeGolden(t *testing.T) {
	s := stream.Stream{
		Name: "clicks", PartitionKeys: map[string]string{"b": ".b", "a": ".a"}, Prefix: "x/!{timestamp:yyyy}/",
		Destination: stream.Destination{S3: &stream.S3{Bucket: "lake"}},
	}
	want := `{"name":"clicks","buffering":{"size":"64MiB","interval":"1m"},"prefix":"x/!{timestamp:yyyy}/",` +
		`"error_prefix":"errors/clicks/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/",` +
		`"partition_keys":{"a":".a","b":".b"},"time_zone":"UTC","compression":"gzip","delimiter":"\n",` +
		`"destination":{"s3":{"bucket":"lake"}}}`
	if got := string(s.WithDefaults().Encode()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, test := range []struct{ data, want string }{
		{``, "decode a stream's definition"},
		{`{"name":1}`, "decode a stream's definition"},
		{`{"name":"a","event_time":".ts"}`, `unknown field "event_time"`},
		{`{"name":"a"}{}`, "more text follows it"},
		{`{"buffering":{"size":"64MB"}}`, "write it as 64MiB"},
	} {
		if _, err := stream.Decode([]byte(test.data)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error with %q", test.data, err, test.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"name":"a","buffering":{"size":"1MiB","interval":"1m"},"destination":{"s3":{"bucket":"lake"}}}`))
	f.Add([]byte(`{"partition_keys":{"a":".a"},"prefix":"!{partitionKeyFromQuery:a}/","delimiter":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := stream.Decode(data)
		if err != nil {
			return
		}
		again, err := stream.Decode(s.Encode())
		if err != nil || !bytes.Equal(again.Encode(), s.Encode()) {
			t.Fatalf("got %+v (%v), want %+v", again, err, s)
		}
		s.WithDefaults().Validate()
		s.WithDefaults().Warnings()
	})
}
