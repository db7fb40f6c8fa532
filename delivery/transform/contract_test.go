package transform

import (
	"bytes"
	"testing"

	"hydrant/partitioner"
)

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
