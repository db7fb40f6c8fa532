package partitioner_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"hydrant/partitioner"
	"hydrant/stream"
)

// processing is a stream that takes records apart and partitions what is in them by .k.
func processing(p stream.Processing) stream.Stream {
	s := definition("p/!{partitionKeyFromQuery:k}/", map[string]string{"k": ".k"})
	s.ErrorPrefix = "e/!{firehose:error-output-type}/"
	s.Processing = p
	return s
}

func zipped(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return out.String()
}

// logs is a record of CloudWatch Logs.
func logs(kind string, messages ...string) string {
	type event struct {
		ID        string `json:"id"`
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	}
	envelope := struct {
		MessageType string   `json:"messageType"`
		Owner       string   `json:"owner"`
		LogGroup    string   `json:"logGroup"`
		LogStream   string   `json:"logStream"`
		Filters     []string `json:"subscriptionFilters"`
		LogEvents   []event  `json:"logEvents"`
	}{kind, "123456789012", "group", "stream", []string{"filter"}, []event{}}
	for i, message := range messages {
		envelope.LogEvents = append(envelope.LogEvents, event{fmt.Sprint(i), int64(i), message})
	}
	text, _ := json.Marshal(envelope)
	return zipped(string(text))
}

// shown is an output as the tests below write it: where it goes and what it is, or its code and what it can be made of.
func shown(t *testing.T, out partitioner.Output) string {
	t.Helper()
	if out.Error == "" {
		return fmt.Sprintf("%s %s", out.Prefix, out.Data)
	}
	var line struct{ ErrorCode, ErrorMessage, RawData string }
	if err := json.Unmarshal(out.Data, &line); err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(line.RawData)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s %s: %s <%s>", out.Prefix, line.ErrorCode, line.ErrorMessage, raw)
}

var (
	fromJSON = stream.Processing{Deaggregation: &stream.Deaggregation{Type: stream.DeaggregationJSON}}
	between  = stream.Processing{Deaggregation: &stream.Deaggregation{Type: stream.DeaggregationDelimited, Delimiter: "####"}}
	unzipped = stream.Processing{Decompression: stream.DecompressionGzip}
	messages = stream.Processing{Decompression: stream.DecompressionGzip, CloudWatchLogs: stream.CloudWatchLogsMessages}
	allSteps = stream.Processing{
		Decompression: stream.DecompressionGzip, CloudWatchLogs: stream.CloudWatchLogsMessages, Deaggregation: fromJSON.Deaggregation,
	}
)

func TestProcessing(t *testing.T) {
	bad := zipped(`{"k":"a"}`)[:20]
	for _, test := range []struct {
		name       string
		processing stream.Processing
		record     string
		want       []string
	}{
		{"several JSON objects", fromJSON, `{"k":"a"}{"k":"b"}` + "\n " + `{"k":"a","n":1}` + "\n", []string{
			`p/a/ {"k":"a"}`, `p/b/ {"k":"b"}`, `p/a/ {"k":"a","n":1}`,
		}},
		{"one of them cannot be keyed", fromJSON, `{"k":"a"}{"j":"b"}{"k":null}`, []string{
			`p/a/ {"k":"a"}`,
			`e/processing-failed/ DynamicPartitioning.MetadataExtractionFailed: the partition key k (.k) is missing <{"j":"b"}>`,
			`e/processing-failed/ DynamicPartitioning.MetadataExtractionFailed: the partition key k (.k) is null <{"k":null}>`,
		}},
		{"an array is not split", fromJSON, `[{"k":"a"}]`, []string{
			`e/processing-failed/ DynamicPartitioning.MetadataExtractionFailed: the record is not one JSON object: an object must begin here (byte 0) <[{"k":"a"}]>`,
		}},
		{"broken in the middle", fromJSON, `{"k":"a"}{"k":}{"k":"b"}`, []string{
			`e/processing-failed/ RecordDeAggregation.InvalidJson: the record is not one JSON object after another: a value must begin here (byte 14) <{"k":"a"}{"k":}{"k":"b"}>`,
		}},
		{"text between", fromJSON, `{"k":"a"},{"k":"b"}`, []string{
			`e/processing-failed/ RecordDeAggregation.InvalidJson: the record is not one JSON object after another: an object or an array must begin here (byte 9) <{"k":"a"},{"k":"b"}>`,
		}},
		{"nothing", fromJSON, " \n", []string{
			"e/processing-failed/ RecordDeAggregation.InvalidJson: the record holds no JSON object < \n>",
		}},
		{"delimited", between, `####{"k":"a"}########{"k":"b"}#####`, []string{
			`p/a/ {"k":"a"}`, `p/b/ {"k":"b"}`,
			`e/processing-failed/ DynamicPartitioning.MetadataExtractionFailed: the record is not one JSON object: an object must begin here (byte 0) <#>`,
		}},
		{"only delimiters", between, "####", nil},
		{"compressed", unzipped, zipped(`{"k":"a"}`), []string{`p/a/ {"k":"a"}`}},
		{"compressed in two members", unzipped, zipped(`{"k":`) + zipped(`"a"}`), []string{`p/a/ {"k":"a"}`}},
		{"not compressed", unzipped, `{"k":"a"}`, []string{
			`e/decompression-failed/ Decompression.InvalidGzip: the record is not gzip, or damaged <{"k":"a"}>`,
		}},
		{"cut off", unzipped, bad, []string{
			`e/decompression-failed/ Decompression.InvalidGzip: the record is not gzip, or damaged <` + bad + `>`,
		}},
		{"compressed, and no key", unzipped, zipped(`{}`), []string{
			`e/processing-failed/ DynamicPartitioning.MetadataExtractionFailed: the partition key k (.k) is missing <` + zipped(`{}`) + `>`,
		}},
		{"log events", messages, logs("DATA_MESSAGE", `{"k":"a"}`, `{"k":"b","text":"ü\"<\u0001>"}`), []string{
			"p/a/ {\"k\":\"a\"}\n", "p/b/ {\"k\":\"b\",\"text\":\"ü\\\"<\\u0001>\"}\n",
		}},
		{"a test of the way", messages, logs("CONTROL_MESSAGE", "CWL CONTROL MESSAGE"), nil},
		{"no logs", messages, zipped(`{"k":"a"}`), []string{
			"e/processing-failed/ CloudWatchLogProcessing.InvalidRecord: the record's messageType is neither DATA_MESSAGE nor CONTROL_MESSAGE <" + zipped(`{"k":"a"}`) + ">",
		}},
		{"all of it", allSteps, logs("DATA_MESSAGE", `{"k":"a"}{"k":"b"}`, `{"k":"c"}`), []string{
			`p/a/ {"k":"a"}`, `p/b/ {"k":"b"}`, `p/c/ {"k":"c"}`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for i, out := range newPartitioner(t, processing(test.processing)).Process(nil, 1, 0, []byte(test.record)) {
				got = append(got, shown(t, out))
				if out.Extra != (i > 0) {
					t.Errorf("output %d: Extra is %v", i, out.Extra)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got\n%q, want\n%q", got, test.want)
			}
		})
	}
}

// What the error output keeps of a record gives, sent to the stream again, what has failed and nothing else.
func TestRawDataCanBeSentAgain(t *testing.T) {
	for _, test := range []struct {
		processing stream.Processing
		record     string
	}{
		{fromJSON, `{"k":"a"}{"j":1}{"k":"b"}{"j":2}`},
		{between, `{"k":"a"}####{"j":1}####no JSON`},
		{messages, logs("DATA_MESSAGE", `{"k":"a"}`, `{"j":"<ü>\n"}`, "no JSON", "")},
		{allSteps, logs("DATA_MESSAGE", `{"k":"a"}{"j":1}`, `{"j":2}`)},
		{stream.Processing{Decompression: "gzip", Deaggregation: fromJSON.Deaggregation}, zipped(`{"k":"a"}{"j":1}{"j":2}`)},
		{messages, logs("DATA_MESSAGE", `{"j":"alone"}`)},
		{messages, "not gzip"},
	} {
		p := newPartitioner(t, processing(test.processing))
		failures := linesOf(p.Process(nil, 1, 7, []byte(test.record)))
		if len(failures) == 0 {
			t.Errorf("%.40q: nothing fails", test.record)
		}
		for _, failure := range failures {
			again := p.Process(nil, 2, 7, rawData(t, failure))
			if len(again) != 1 || !sameFailure(t, again[0].Data, failure) {
				t.Errorf("%.40q: %s sent again gives %v", test.record, failure, again)
			}
		}
	}
}

func linesOf(outputs []partitioner.Output) (lines [][]byte) {
	for _, out := range outputs {
		if out.Error != "" {
			lines = append(lines, out.Data)
		}
	}
	return lines
}

func rawData(t *testing.T, line []byte) []byte {
	t.Helper()
	var failure struct{ RawData []byte }
	if err := json.Unmarshal(line, &failure); err != nil {
		t.Fatal(err)
	}
	return failure.RawData
}

// sameFailure compares all but the raw data, which is compressed anew.
func sameFailure(t *testing.T, a, b []byte) bool {
	t.Helper()
	cut := func(line []byte) string {
		before, _, _ := strings.Cut(string(line), `"rawData"`)
		return before
	}
	return cut(a) == cut(b)
}

func TestProcessingIsBounded(t *testing.T) {
	bomb := zipped(strings.Repeat(" ", 32<<20+1))
	many := strings.Repeat("{}", 1<<16+1)
	group := `{"messageType":"DATA_MESSAGE","logGroup":"` + strings.Repeat("g", 1<<20) + `","logEvents":[` +
		strings.TrimSuffix(strings.Repeat(`{"message":"x"},`, 100), ",") + `]}`
	for _, test := range []struct {
		processing stream.Processing
		record     string
		want       string
	}{
		{unzipped, bomb, `"errorCode":"Decompression.TooLarge"`},
		{fromJSON, many, `"errorCode":"RecordDeAggregation.TooManyRecords"`},
		{messages, zipped(group), `"errorCode":"Processing.TooManyFailures"`},
	} {
		out := newPartitioner(t, processing(test.processing)).Process(nil, 1, 0, []byte(test.record))
		if len(out) != 1 || !bytes.Contains(out[0].Data, []byte(test.want)) || string(rawData(t, out[0].Data)) != test.record {
			t.Errorf("%d outputs, want one with %s and all of the record", len(out), test.want)
		}
	}
}

// What is kept of each of the records in one that a function is given is bounded too, and what is kept of all.
func TestSplitIsBounded(t *testing.T) {
	inGroup := func(group, events string) string {
		return zipped(`{"messageType":"DATA_MESSAGE","logGroup":"` + group + `","logEvents":[{"message":"x"}` + events + `]}`)
	}
	for name, record := range map[string]string{
		"many small ones":       inGroup(strings.Repeat("g", 4<<20), strings.Repeat(`,{"message":"x"}`, 100)),
		"a large one":           inGroup("g", `,{"message":"`+strings.Repeat("x", 17<<20)+`"}`),
		"one that grows":        inGroup("g", `,{"message":"`+strings.Repeat(`\n`, 3<<20)+`"}`),
		"a large one, no group": zipped("x\n" + strings.Repeat("x", 17<<20)),
	} {
		steps := messages
		if strings.HasSuffix(name, "no group") {
			steps = unzipped
			steps.Deaggregation = &stream.Deaggregation{Type: stream.DeaggregationDelimited, Delimiter: "\n"}
		}
		pieces := newPartitioner(t, processing(steps)).Split([]partitioner.Piece{{}}, []byte(record))
		if len(pieces) != 2 {
			t.Errorf("%s: %d pieces, want one", name, len(pieces)-1)
			continue
		}
		if failed := pieces[1].Failed; failed == nil || failed.Code != "Processing.TooManyFailures" || string(failed.Raw) != record {
			t.Errorf("%s: the piece is %.200v", name, pieces[1])
		}
	}
}

// FuzzProcessing looks for records that are not kept whole: in all outputs together, or in the error output.
func FuzzProcessing(f *testing.F) {
	steps := []stream.Processing{fromJSON, between, unzipped, messages, allSteps}
	for i := range steps {
		for _, record := range []string{`{"k":"a"}{"k":1}`, "a####b", zipped("{}"), logs("DATA_MESSAGE", `{"k":"a"}`, "x")} {
			f.Add(i, []byte(record))
		}
	}
	f.Fuzz(func(t *testing.T, step int, record []byte) {
		s := processing(steps[uint(step)%uint(len(steps))])
		once, again := newPartitioner(t, s), newPartitioner(t, s)
		again.Process(nil, 1, 5, []byte(`{"k":"another"}`))
		a, b := once.Process(nil, 1, 0, record), again.Process(nil, 2, 0, record)
		if fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("once %v, then %v", a, b)
		}
		for _, out := range a {
			if out.Error != "" && len(rawData(t, out.Data)) == 0 && len(record) > 0 && len(a) == 1 {
				t.Errorf("nothing is kept of %q", record)
			}
		}
	})
}
