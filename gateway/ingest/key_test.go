package ingest

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"hydrant/buffer"
)

// Two lists of records hash alike only if they are the same, also where their bytes in a row are.
func TestHashRecords(t *testing.T) {
	record := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a'}), 0, 40)
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(record, 0, 4).Draw(t, "a")
		b := rapid.OneOf(rapid.SliceOfN(record, 0, 4), rapid.Just([][]byte{bytes.Join(a, nil)})).Draw(t, "b")
		same := len(a) == len(b)
		for i := 0; same && i < len(a); i++ {
			same = bytes.Equal(a[i], b[i])
		}
		if got := hashRecords(a) == hashRecords(b); got != same {
			t.Fatalf("%q and %q hash alike: %v", a, b, got)
		}
	})
}

func TestKeyAllocatesNothing(t *testing.T) {
	records := bytes.Split(bytes.Repeat([]byte("some record\n"), 500), []byte("\n"))
	key := Key{Principal: Anyone, Operation: "PutRecordBatch", Value: []byte("cafe4b2c-d03f-4d8a-8e34-c7da05ae9ed7")}
	var sink buffer.Key
	if n := testing.AllocsPerRun(100, func() { sink = key.of(buffer.StreamID{1}, records) }); n != 0 {
		t.Errorf("%v allocations a request, want none", n)
	}
	if sink.ID.IsZero() || sink.Payload == 0 {
		t.Errorf("got the key %+v", sink)
	}
}

// Without a key there is none, and nothing is hashed.
func TestNoKey(t *testing.T) {
	if got := (Key{Principal: Anyone, Operation: "records"}).of(buffer.StreamID{1}, [][]byte{{1}}); got != (buffer.Key{}) {
		t.Errorf("got %+v, want the zero key", got)
	}
}

// The key belongs to one request, not to the memory that requests share.
func TestKeyEndsWithItsRequest(t *testing.T) {
	log := &fakeLog{}
	in := newIngest(t, Limits{}, Deps{Log: log})
	for _, value := range []string{"k", ""} {
		req := in.Begin(nil, 0)
		if value != "" {
			req.Key = Key{Value: []byte(value)}
		}
		req.Records = append(req.Records, []byte("a"))
		if _, err := in.Append(t.Context(), &Stream{Name: "clicks", gate: new(gate), series: new(series)}, req); err != nil {
			t.Fatal(err)
		}
		req.End()
	}
	if log.batches[0].Key.ID.IsZero() || !log.batches[1].Key.ID.IsZero() {
		t.Errorf("the batches' keys are %x and %x, want one and none", log.batches[0].Key, log.batches[1].Key)
	}
}

func BenchmarkKey(b *testing.B) {
	key := Key{Principal: Anyone, Operation: "PutRecordBatch", Value: []byte("cafe4b2c-d03f-4d8a-8e34-c7da05ae9ed7")}
	for name, records := range map[string][][]byte{
		"1x512":    {make([]byte, 512)},
		"500x1024": bytes.Split(bytes.Repeat(append(make([]byte, 1024), 1), 500), []byte{1}),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				key.of(buffer.StreamID{1}, records)
			}
		})
	}
}
