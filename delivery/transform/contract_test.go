package transform

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"hydrant/partitioner"
)

// Partition keys are texts; numbers and booleans are taken as such, and what can be none fails its own record alone.
func TestPartitionKeysOfAnAnswer(t *testing.T) {
	values := []string{`"a"`, `7`, `1.50`, `true`, `null`, `{"a":1}`, `["a"]`}
	records := make([]Record, len(values))
	var answers []string
	for i, value := range values {
		records[i] = Record{Data: []byte("sent"), Raw: []byte("raw")}
		answers = append(answers, fmt.Sprintf(`{"recordId":"%056d","result":"Ok","data":"bWFkZQ==","metadata":{"partitionKeys":{"k":%s}}}`, i, value))
	}
	function := &Function{Name: "f"}
	got := function.match(records, []byte(`{"records":[`+strings.Join(answers, ",")+`]}`), 1)
	for i, want := range []string{"a", "7", "1.50", "true", ""} {
		if o := got[i]; o.Result != partitioner.Passed || len(o.Keys) != 1 || o.Keys[0].Value != want {
			t.Errorf("%s: got %+v, want %q", values[i], o, want)
		}
	}
	for i, o := range got[5:] {
		if o.Code != jsonProcessing || o.Message != "the partition key k is neither a string nor a number nor a boolean" || string(o.Raw) != "raw" {
			t.Errorf("%s: got %+v", values[5+i], o)
		}
	}
}

// Whatever a function answers, each record has one outcome, and what failed keeps the record as it was.
func FuzzAnswer(f *testing.F) {
	records := []Record{{Data: []byte("a"), Raw: []byte("a")}, {Data: []byte("b"), Raw: []byte("raw b")}}
	request := encodeRequest("us-east-1", "arn", records)
	for _, answer := range [][]byte{
		request,
		bytes.ReplaceAll(request, []byte(`"data"`), []byte(`"result":"Ok","data"`)),
		bytes.ReplaceAll(request, []byte(`"data"`), []byte(`"result":"Dropped","metadata":{"partitionKeys":{"k":"v"}},"data"`)),
		[]byte(`{"records":[{"recordId":""},{"recordId":""}]}`), []byte(`{"records":null}`), []byte(`[]`),
		{},
	} {
		f.Add(answer)
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		function := &Function{Name: "f", KeepRaw: true}
		out := function.match(records, answer, 1)
		if len(out) != len(records) {
			t.Fatalf("%d outcomes of %d records", len(out), len(records))
		}
		for i, o := range out {
			if o.Result != partitioner.Dropped && !bytes.Equal(o.Raw, records[i].Raw) {
				t.Errorf("outcome %d keeps %q of %q: %+v", i, o.Raw, records[i].Raw, o)
			}
			read, err := partitioner.DecodeOutcome(o.Append(nil))
			if err != nil || !bytes.Equal(read.Append(nil), o.Append(nil)) {
				t.Errorf("%+v is journaled as %+v (%v)", o, read, err)
			}
		}
	})
}
