package partitioner_test

import (
	"encoding/json"
	"strings"
	"testing"

	"hydrant/partitioner"
	"hydrant/stream"
)

// Of every class of failure the line of error output holds the bytes that came in, whatever they are. Those of records that
// are taken apart are in TestProcessing and TestProcessingIsBounded.
func TestErrorOutputKeepsTheRecord(t *testing.T) {
	odd := "\x00\xff\n\"\\\u2028</script>\xc3"
	keyed := definition("!{partitionKeyFromQuery:k}/", map[string]string{"k": ".k"})
	queried := definition("!{partitionKeyFromQuery:k}/", map[string]string{"k": ".k | ascii_downcase"})
	timed := definition("!{timestamp:yyyy}/", nil)
	timed.Time = &stream.Time{Field: ".t", Format: "epoch_s"}
	for _, test := range []struct {
		stream       stream.Stream
		record, code string
	}{
		{keyed, odd, "MetadataExtractionFailed"},
		{keyed, "", "MetadataExtractionFailed"},
		{keyed, "\n " + `{"k" : null}` + "\r\n", "MetadataExtractionFailed"},
		{queried, odd, "MetadataExtractionFailed"},
		{queried, ` {"k":[]}` + "\n", "MetadataExtractionFailed"},
		{keyed, `{"k":"` + strings.Repeat("é", 600) + `"}`, "KeyTooLong"},
		{timed.WithDefaults(), `{"t":"` + "soon" + `"}`, "EventTimeFailed"},
		{timed.WithDefaults(), `{"x":"` + "\u2028" + `"}`, "EventTimeFailed"},
	} {
		out := newPartitioner(t, test.stream).Process(nil, 1, arrival, []byte(test.record))
		if len(out) != 1 || out[0].Error != partitioner.ProcessingFailed {
			t.Errorf("%.40q has the outputs %v", test.record, out)
			continue
		}
		wantKept(t, out[0], test.code, test.record)
	}
	p := newPartitioner(t, keyed)
	record := []byte(`{"k":"a"} ` + "\r\n")
	out := p.Process(nil, 1, arrival, record)
	wantKept(t, p.Exceeded(arrival, record, 0, &out[0]), "ActivePartitionsExceeded", string(record))
}

func wantKept(t *testing.T, out partitioner.Output, code, record string) {
	t.Helper()
	var line struct {
		ErrorCode string
		RawData   []byte
	}
	if err := json.Unmarshal(out.Data, &line); err != nil || line.ErrorCode != "DynamicPartitioning."+code || string(line.RawData) != record {
		t.Errorf("%v: %s, want %s of %.40q", err, out.Data, code, record)
	}
}
