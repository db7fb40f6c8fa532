package buffer

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func encodeBlock(records [][]byte, arrivals []int64, first Seq) []byte {
	var w Builder
	for i, r := range records {
		w.Add(r, arrivals[i])
	}
	return w.Encode(LaneID{Stream: StreamID{1, 2, 3}, Number: 4}, first)
}

func TestBlockRoundTrip(t *testing.T) {
	var b Block
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 300), 1, 50).Draw(t, "records")
		arrivals := rapid.SliceOfN(rapid.Int64Range(0, 1<<45), len(records), len(records)).Draw(t, "arrivals")
		first := Seq(rapid.Uint64Range(1, 1<<60).Draw(t, "first"))
		if err := b.Decode(encodeBlock(records, arrivals, first), nil); err != nil {
			t.Fatal(err)
		}
		if b.First != first || b.Count != len(records) || b.Lane.Number != 4 || b.Arrival.UnixMilli() != arrivals[0] {
			t.Fatalf("header %+v", b.Header)
		}
		i := 0
		for r := range b.Records() {
			if r.Seq != first+Seq(i) || r.Arrival != arrivals[i] || !bytes.Equal(r.Data, records[i]) {
				t.Fatalf("record %d is %+v", i, r)
			}
			i++
		}
		if i != len(records) {
			t.Fatalf("%d records came back of %d", i, len(records))
		}
	})
}

// Every single flipped bit is noticed: the checksum covers header and payload.
func TestBlockNoticesEveryFlippedBit(t *testing.T) {
	data := encodeBlock([][]byte{[]byte("one"), []byte("two")}, []int64{1000, 1001}, 7)
	for i := range data {
		for bit := range 8 {
			flipped := bytes.Clone(data)
			flipped[i] ^= 1 << bit
			if err := new(Block).Decode(flipped, nil); !errors.Is(err, ErrDamaged) {
				t.Fatalf("bit %d of byte %d: %v", bit, i, err)
			}
		}
	}
}

func TestBlockReusesMemory(t *testing.T) {
	data := encodeBlock([][]byte{bytes.Repeat([]byte("abc"), 1000)}, []int64{1}, 1)
	var b Block
	if n := testing.AllocsPerRun(100, func() {
		if err := b.Decode(data, nil); err != nil {
			t.Fatal(err)
		}
		for r := range b.Records() {
			_ = r
		}
	}); n != 0 {
		t.Errorf("%v allocations per block read", n)
	}
}

// Whatever the bytes, decoding returns: with an error, or with records that can be walked.
func FuzzBlockDecode(f *testing.F) {
	f.Add(encodeBlock([][]byte{[]byte("x"), {}, []byte("yz")}, []int64{5, 6, 4}, 3))
	f.Add(encodeBlock([][]byte{bytes.Repeat([]byte("compressible "), 100)}, []int64{5}, 3))
	f.Add([]byte(Magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		var b Block
		if err := b.Decode(data, nil); err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("the error does not say damage: %v", err)
			}
			// The checksum hides what lies behind it from the fuzzer: mend it and look again.
			if len(data) < HeaderSize {
				return
			}
			mended := bytes.Clone(data)
			sum := checksum(mended)
			for i := range 4 {
				mended[HeaderSize-4+i] = byte(sum >> (8 * i))
			}
			if b.Decode(mended, nil) != nil {
				return
			}
		}
		n := 0
		for range b.Records() {
			n++
		}
		if n != b.Count {
			t.Fatalf("%d records, the header says %d", n, b.Count)
		}
	})
}

func BenchmarkBlockEncode(b *testing.B) {
	record := bytes.Repeat([]byte(`{"id":12345,"name":"somebody","city":"Somewhere"}`), 20)
	var w Builder
	b.ReportAllocs()
	for b.Loop() {
		w.Reset()
		for w.Len() < 256<<10 {
			w.Add(record, 1)
		}
		w.Encode(LaneID{}, 1)
	}
	b.SetBytes(int64(w.Len()))
}

func BenchmarkBlockDecode(b *testing.B) {
	record := bytes.Repeat([]byte(`{"id":12345,"name":"somebody","city":"Somewhere"}`), 20)
	var w Builder
	for w.Len() < 256<<10 {
		w.Add(record, 1)
	}
	data := w.Encode(LaneID{}, 1)
	var block Block
	b.ReportAllocs()
	b.SetBytes(int64(w.Len()))
	for b.Loop() {
		if err := block.Decode(data, nil); err != nil {
			b.Fatal(err)
		}
	}
}
