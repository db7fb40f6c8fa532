package partitioner_test

import (
	"bytes"
	"reflect"
	"testing"

	"hydrant/partitioner"
)

var outcomes = []partitioner.Outcome{
	{Result: partitioner.Dropped},
	{Result: partitioner.Passed, Data: []byte(`{"a":1}`), Raw: []byte(`{"A":1}`), Keys: []partitioner.Key{{"customer", "7"}, {"", "\xff"}}},
	{
		Result: partitioner.Failed, Raw: []byte("record"), Kind: "processing-failed", Code: "Lambda.FunctionError", Message: "no",
		Function: "http://127.0.0.1:9002/", Attempts: 4, Ended: -1,
	},
}

func TestOutcomes(t *testing.T) {
	for _, want := range outcomes {
		written := want.Append(nil)
		got, err := partitioner.DecodeOutcome(written)
		if err != nil {
			t.Fatal(err)
		}
		if again := got.Append(nil); !bytes.Equal(again, written) {
			t.Errorf("%+v was read as %+v", want, got)
		}
		for short := range len(written) - len(want.Data) {
			if o, err := partitioner.DecodeOutcome(written[:short]); err == nil {
				t.Errorf("the first %d bytes of %+v were read as %+v", short, want, o)
			}
		}
	}
}

// Whatever lies in the buffer is read or refused, and what was read is what is written again.
func FuzzDecodeOutcome(f *testing.F) {
	for _, o := range outcomes {
		f.Add(o.Append(nil))
	}
	f.Add([]byte{1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}) // more keys than there are bytes
	f.Add([]byte{1, 3, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})                         // a text that is longer than the rest
	f.Add([]byte{2, 1, 0, 0, 0, 0, 0, 0, 0, 0})                                  // another format
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := partitioner.DecodeOutcome(data)
		if err != nil {
			if !reflect.DeepEqual(first, partitioner.Outcome{}) {
				t.Fatalf("refused, and yet read as %+v", first)
			}
			return
		}
		again, err := partitioner.DecodeOutcome(first.Append(nil))
		if err != nil || !reflect.DeepEqual(again, first) {
			t.Fatalf("%+v was read again as %+v, %v", first, again, err)
		}
	})
}
