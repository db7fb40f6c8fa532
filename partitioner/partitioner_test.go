package partitioner_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hydrant/partitioner"
	"hydrant/stream"
)

const arrival = 1752244449123 // 2025-07-11T14:34:09.123Z

func definition(prefix string, keys map[string]string) stream.Stream {
	return stream.Stream{
		Name:          "clicks",
		Prefix:        prefix,
		PartitionKeys: keys,
		Destination:   stream.Destination{Directory: &stream.Directory{Path: "objects"}},
	}.WithDefaults()
}

func newPartitioner(t rapid.TB, s stream.Stream) *partitioner.Partitioner {
	t.Helper()
	if faults := s.Validate(); len(faults) > 0 {
		t.Fatal(faults)
	}
	p, err := partitioner.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestGoodRecords(t *testing.T) {
	keys := map[string]string{"c": ".customer.id", "d": `.tags[0]`}
	for _, test := range []struct {
		prefix string
		keys   map[string]string
		record string
		want   string
	}{
		{"legacy", nil, "no JSON at all", "legacy2025/07/11/14/"},
		{"", nil, "", "clicks/2025/07/11/14/"},
		{"a/dt=!{timestamp:yyyy-MM-dd}/", nil, "\xff", "a/dt=2025-07-11/"},
		{
			"!{partitionKeyFromQuery:d}/!{partitionKeyFromQuery:c}/!{timestamp:HH}/", keys,
			`{"customer":{"id":7},"tags":["a/b"]}`, "a%2Fb/7/14/",
		},
	} {
		got := newPartitioner(t, definition(test.prefix, test.keys)).Process(nil, 1, arrival, []byte(test.record))
		if len(got) != 1 || string(got[0].Prefix) != test.want || got[0].Error != "" || string(got[0].Data) != test.record {
			t.Errorf("%s: got %+v, want %q", test.prefix, got, test.want)
		}
	}
}

func TestProcessAppends(t *testing.T) {
	p := newPartitioner(t, definition("legacy", nil))
	out := p.Process([]partitioner.Output{{Error: "before"}}, 1, arrival, []byte("r"))
	if len(out) != 2 || out[0].Error != "before" || string(out[1].Data) != "r" {
		t.Errorf("got %+v, want one output behind the one before", out)
	}
}

// TestErrorOutput reads each line as a tool would and checks that it tells why, and gives the record back.
func TestErrorOutput(t *testing.T) {
	const extraction, tooLong = "DynamicPartitioning.MetadataExtractionFailed", "DynamicPartitioning.KeyTooLong"
	const prefix = "errors/clicks/processing-failed/2025/07/11/20/"
	id := func(text string) string { return `{"customer":{"the id":"` + text + `"}}` }
	s := definition("p/!{partitionKeyFromQuery:customer}/", map[string]string{"customer": `.customer."the id"`})
	s.TimeZone = "Asia/Kolkata"
	p := newPartitioner(t, s)
	for _, test := range []struct{ record, code, message string }{
		{``, extraction, "the record is not one JSON object: the record ends too early (byte 0)"},
		{"\xff\x00", extraction, "the record is not one JSON object: an object must begin here (byte 0)"},
		{`{"customer":{"the id":1}}{}`, extraction, "the record is not one JSON object: more text follows the object (byte 25)"},
		{`{}`, extraction, `the partition key customer (.customer."the id") is missing`},
		{`{"customer":{"the id":null}}`, extraction, `the partition key customer (.customer."the id") is null`},
		{`{"customer":{"the id":""}}`, extraction, `the partition key customer (.customer."the id") is an empty string`},
		{`{"customer":{"the id":{}}}`, extraction, `the partition key customer (.customer."the id") is an object`},
		{`{"customer":{"the id":[]}}`, extraction, `the partition key customer (.customer."the id") is an array`},
		{id(strings.Repeat("x", 256)), tooLong, "a segment of the key has 256 bytes; the limit is 255"},
		{id(strings.Repeat("/", 86)), tooLong, "a segment of the key has 258 bytes; the limit is 255"},
		{id(strings.Repeat("x", 510)), tooLong, "the evaluated prefix has 513 characters; the limit is 512"},
		{id(strings.Repeat("x", 1<<20)), tooLong, "the evaluated prefix has 1048579 characters; the limit is 512"},
	} {
		got := p.Process(nil, 1, arrival, []byte(test.record))
		if len(got) != 1 || got[0].Error != "processing-failed" || string(got[0].Prefix) != prefix {
			t.Errorf("%.40s: got %.200v, want one error output", test.record, got)
			continue
		}
		want := failureLine{
			AttemptsMade: 1, ArrivalTimestamp: arrival, AttemptEndingTimestamp: arrival,
			ErrorCode: test.code, ErrorMessage: test.message, RawData: []byte(test.record),
		}
		if line := readLine(t, got[0].Data); !reflect.DeepEqual(line, want) {
			t.Errorf("%.40s: got %s: %s, want %s: %s", test.record, line.ErrorCode, line.ErrorMessage, want.ErrorCode, want.ErrorMessage)
		}
	}
}

// TestKeyFillsTheLimits takes a value of exactly the length that still fits, and one byte more.
func TestKeyFillsTheLimits(t *testing.T) {
	s := definition("!{partitionKeyFromQuery:k}", map[string]string{"k": ".k"}) // the value and the file name share a segment
	most := stream.MaxSegment - s.LongestFileName()
	p := newPartitioner(t, s)
	for size, want := range map[int]string{most: "", most + 1: partitioner.ProcessingFailed} {
		out := p.Process(nil, 1, arrival, fmt.Appendf(nil, `{"k":"%s"}`, strings.Repeat("x", size)))
		if out[0].Error != want {
			t.Errorf("%d bytes: got error %q, want %q", size, out[0].Error, want)
		}
	}
}

type failureLine struct {
	AttemptsMade           int    `json:"attemptsMade"`
	ArrivalTimestamp       int64  `json:"arrivalTimestamp"`
	ErrorCode              string `json:"errorCode"`
	ErrorMessage           string `json:"errorMessage"`
	AttemptEndingTimestamp int64  `json:"attemptEndingTimestamp"`
	RawData                []byte `json:"rawData"`
}

func readLine(t rapid.TB, line []byte) failureLine {
	t.Helper()
	if bytes.IndexByte(line, '\n') != len(line)-1 {
		t.Fatalf("got %.200q, want one line with its line feed", line)
	}
	var f failureLine
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		t.Fatalf("%v in %.200q", err, line)
	}
	return f
}

func TestNewRefuses(t *testing.T) {
	for _, test := range []struct {
		want   string
		change func(*stream.Stream)
	}{
		{"time_zone: ", func(s *stream.Stream) { s.TimeZone = "Local" }},
		{"prefix: !{a:b}", func(s *stream.Stream) { s.Prefix = "!{a:b}" }},
		{"error_prefix: !{a:b}", func(s *stream.Stream) { s.ErrorPrefix = "!{a:b}" }},
		{"error_prefix: the partition key", func(s *stream.Stream) { s.ErrorPrefix = "!{partitionKeyFromQuery:k}" }},
		{`prefix: the partition key "k" is not declared`, func(s *stream.Stream) { s.Prefix = "!{partitionKeyFromQuery:k}" }},
		{"partition_keys.k: ", func(s *stream.Stream) {
			s.Prefix, s.PartitionKeys = "!{partitionKeyFromQuery:k}", map[string]string{"k": "k"}
		}},
	} {
		s := definition("", nil)
		test.change(&s)
		if _, err := partitioner.New(s); err == nil || !strings.HasPrefix(err.Error(), "partitioner of stream clicks: "+test.want) {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

var definitions = []stream.Stream{
	definition("legacy", nil),
	definition("a/!{timestamp:yyyy-MM-dd-HH-mm-ss}/", nil),
	definition("k/!{partitionKeyFromQuery:k}/", map[string]string{"k": ".k"}),
	definition("!{partitionKeyFromQuery:k}!{timestamp:ss}/x!{partitionKeyFromQuery:l}",
		map[string]string{"k": ".k", "l": ".l.m"}),
	timed("t/!{timestamp:yyyy-MM-dd-HH}/!{partitionKeyFromQuery:k}/", map[string]string{"k": ".k"}, stream.Time{
		Field: ".t", Format: "epoch_ms", Late: stream.Duration(24 * time.Hour), Early: stream.Duration(time.Hour),
		LatePrefix: "late/!{partitionKeyFromQuery:k}/!{timestamp:DDD}/",
	}),
}

func timed(prefix string, keys map[string]string, t stream.Time) stream.Stream {
	s := definition(prefix, keys)
	s.Time = &t
	return s.WithDefaults()
}

type record struct {
	arrival int64
	data    []byte
}

func drawRecord(t *rapid.T) record {
	value := rapid.OneOf(
		rapid.Map(rapid.String(), func(s string) string { return string(must(json.Marshal(s))) }),
		rapid.SampledFrom([]string{
			"1", "true", "null", `""`, `".."`, "{}", "[", `"a/../b"`, `"\u0000\ud800"`, "\"\xff\"", `"` + strings.Repeat("y", 200) + `"`,
		}),
	)
	at := rapid.Int64Range(-1e13, 1e13).Draw(t, "arrival")
	event := at + rapid.SampledFrom([]int64{0, -1, -86400e3, -86400e3 - 1, 3600e3, 3600e3 + 1, 1e15}).Draw(t, "event")
	data := fmt.Sprintf(`{"k":%s,"l":{"m":%s},"t":%d}`, value.Draw(t, "k"), value.Draw(t, "m"), event)
	if rapid.IntRange(0, 9).Draw(t, "noise") == 0 {
		data = string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
	}
	return record{arrival: at, data: []byte(data)}
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

// TestPure processes records in two orders, with a partitioner each: what came before makes no difference.
func TestPure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(definitions).Draw(t, "definition")
		records := rapid.SliceOfN(rapid.Custom(drawRecord), 1, 8).Draw(t, "records")
		forwards := outputs(newPartitioner(t, s), records)
		slices.Reverse(records)
		backwards := outputs(newPartitioner(t, s), records)
		slices.Reverse(backwards)
		if !reflect.DeepEqual(forwards, backwards) {
			t.Fatalf("got %+v, want %+v", backwards, forwards)
		}
	})
}

// TestLanesAgree partitions the same records on several goroutines at once, with a partitioner each.
func TestLanesAgree(t *testing.T) {
	var records []record
	for i := range 300 {
		records = append(records, record{arrival + int64(i)*400, fmt.Appendf(nil, `{"k":%d,"l":{"m":"v%d/"},"t":%d}`, i%7, i, arrival-i%5*3600e3)[i%50/49:]})
	}
	for _, s := range definitions {
		lanes := make([][]partitioner.Output, 4)
		var group sync.WaitGroup
		for lane := range lanes {
			p := newPartitioner(t, s)
			group.Go(func() { lanes[lane] = outputs(p, records) })
		}
		group.Wait()
		for _, lane := range lanes[1:] {
			if !reflect.DeepEqual(lane, lanes[0]) {
				t.Errorf("%s: two lanes disagree", s.Prefix)
			}
		}
	}
}

// outputs processes records in order and copies what is good until the next one only.
func outputs(p *partitioner.Partitioner, records []record) []partitioner.Output {
	var all []partitioner.Output
	for i, r := range records {
		all = p.Process(all, uint64(i), r.arrival, r.data)
		all[len(all)-1].Prefix = bytes.Clone(all[len(all)-1].Prefix)
	}
	return all
}

// TestValuesStayInTheirPrefix draws values that may be hostile: a record's data always lies on its own level below the
// prefix, under a name that gives the value back, and anything else is error output.
func TestValuesStayInTheirPrefix(t *testing.T) {
	p := newPartitioner(t, definition("k/!{partitionKeyFromQuery:k}/end", map[string]string{"k": ".k"}))
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		out := p.Process(nil, 1, r.arrival, r.data)
		if len(out) != 1 {
			t.Fatalf("got %d outputs, want 1", len(out))
		}
		if out[0].Error != "" {
			if line := readLine(t, out[0].Data); !bytes.Equal(line.RawData, r.data) || line.ErrorMessage == "" {
				t.Fatalf("got %+v, want a reason and the record", line)
			}
			return
		}
		segments := strings.Split(string(out[0].Prefix), "/")
		if len(segments) != 3 || segments[0] != "k" || strings.Trim(segments[1], ".") == "" || segments[2] != "end" {
			t.Fatalf("got %q, want three segments", out[0].Prefix)
		}
		var fields struct{ K any }
		if err := json.Unmarshal(r.data, &fields); err != nil {
			t.Fatal(err)
		}
		value, err := url.PathUnescape(segments[1])
		if want := fmt.Sprint(fields.K); err != nil || string([]rune(value)) != want {
			t.Fatalf("got %q (%v), want %q", value, err, want)
		}
	})
}

func TestProcessDoesNotAllocate(t *testing.T) {
	data := []byte(`{"l":{"m":"b/c\n"},"k":"a","t":1752244449123.5}`)
	for _, s := range definitions {
		p, at := newPartitioner(t, s), int64(arrival)
		out := p.Process(nil, 1, at, data)
		allocations := testing.AllocsPerRun(200, func() {
			at += 100
			out = p.Process(out[:0], 1, at, data)
		})
		if out[0].Error != "" || allocations != 0 {
			t.Errorf("%s: got %v allocations and error %q, want none", s.Prefix, allocations, out[0].Error)
		}
	}
}

func FuzzProcess(f *testing.F) {
	f.Add([]byte(`{"k":"v","l":{"m":1}}`), int64(arrival))
	f.Add([]byte(`{"k":"../..","l":{"m":"\u0000"}}`), int64(-1))
	f.Add([]byte(`{"k":1,"t":1752244449123}`), int64(arrival))
	f.Add([]byte(`{`), int64(0))
	lanes := make([][2]*partitioner.Partitioner, len(definitions))
	for i, s := range definitions {
		lanes[i] = [2]*partitioner.Partitioner{newPartitioner(f, s), newPartitioner(f, s)}
	}
	f.Fuzz(func(t *testing.T, data []byte, at int64) {
		for i, lane := range lanes {
			once, again := lane[0].Process(nil, 1, at, data), lane[1].Process(nil, 2, at, data)
			if !reflect.DeepEqual(once, again) {
				t.Fatalf("got %+v, want %+v", again, once)
			}
			if err := stream.CheckKey(once[0].Prefix, definitions[i].LongestFileName()); err != nil {
				t.Fatal(err)
			}
			if once[0].Error == "" && !bytes.Equal(once[0].Data, data) {
				t.Fatalf("got %q, want the record %q", once[0].Data, data)
			}
			if once[0].Error != "" && !bytes.Contains(once[0].Data, []byte(base64.StdEncoding.EncodeToString(data))) {
				t.Fatalf("got %q, want a line with the record %q", once[0].Data, data)
			}
		}
	})
}

func BenchmarkProcess(b *testing.B) {
	filler := strings.Repeat(`"some_field":"some value of a record","number":12345.678,"flag":true,`, 20)[:950]
	filler = filler[:strings.LastIndex(filler, ",")+1]
	early := []byte(`{"customer":"c-1234",` + filler + `"end":1}`)
	late := []byte(`{` + filler + `"customer":"c-1234"}`)
	nested := []byte(`{` + filler + `"geo":{"city":"Oslo","at":{"lat":59.91,"lon":10.75}},"end":1}`)
	const keyed = "d/!{partitionKeyFromQuery:k}/!{timestamp:yyyy/MM/dd/HH}/"
	for _, bench := range []struct {
		name, prefix, path string
		data               []byte
	}{
		{"static", "static/!{timestamp:'x'}/", "", late},
		{"time", "clicks/!{timestamp:yyyy/MM/dd/HH}/", "", late},
		{"early key", keyed, ".customer", early},
		{"late key", keyed, ".customer", late},
		{"nested key", keyed, ".geo.at.lat", nested},
		{"not JSON", keyed, ".customer", late[1:]},
	} {
		b.Run(bench.name, func(b *testing.B) {
			keys := map[string]string{}
			if bench.path != "" {
				keys["k"] = bench.path
			}
			p := newPartitioner(b, definition(bench.prefix, keys))
			var out []partitioner.Output
			at := int64(arrival)
			b.SetBytes(int64(len(bench.data)))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				out = p.Process(out[:0], 1, at+int64(i>>10), bench.data) // a million records a second
			}
		})
	}
}

// BenchmarkKeys is what a record of some 200 bytes costs by where its key comes from.
func BenchmarkKeys(b *testing.B) {
	record := []byte(`{"id":"0198c2f0-7a51","ts":1752244449,"customer":{"id":"c-1234","region":"eu-west-1"},"event":"page_view",` +
		`"path":"/products/42?ref=mail","ms":13.25,"tags":["a","b"],"user_agent":"Mozilla/5.0 (X11; Linux)"}`)
	for _, source := range []string{
		".customer.id", ".customer.region | ascii_upcase", `.ts | strftime("%Y-%m")`, `.path | split("?") | .[0] | gsub("/"; "-")`,
		"[.tags[] | select(. > \"a\")] | join(\"+\")",
	} {
		b.Run(source, func(b *testing.B) {
			p := newPartitioner(b, definition("d/!{partitionKeyFromQuery:k}/", map[string]string{"k": source}))
			var out []partitioner.Output
			b.ReportAllocs()
			for b.Loop() {
				out = p.Process(out[:0], 1, arrival, record)
			}
			if out[0].Error != "" {
				b.Fatalf("%s", out[0].Data)
			}
		})
	}
}
