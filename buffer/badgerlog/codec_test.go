package badgerlog

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"hydrant/buffer"
)

func someBlock(stream byte, first buffer.Seq, records ...string) []byte {
	var w buffer.Builder
	for _, r := range records {
		w.Add([]byte(r), 1000)
	}
	return w.Encode(buffer.LaneID{Stream: buffer.StreamID{stream}}, first)
}

func TestGroupRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := groupRecord{number: rapid.Uint64().Draw(t, "number"), previous: rapid.Uint64().Draw(t, "previous")}
		for i := range rapid.IntRange(0, 5).Draw(t, "blocks") {
			g.blocks = append(g.blocks, someBlock(1, buffer.Seq(i+1), "x")[:buffer.HeaderSize])
		}
		for range rapid.IntRange(0, 8).Draw(t, "changes") {
			g.changes = append(g.changes, change{
				stateKey: stateKey{kind(rapid.Byte().Draw(t, "kind")), buffer.LaneID{Number: rapid.Uint32().Draw(t, "lane")}, rapid.String().Draw(t, "key")},
				value:    rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "value"),
				deleted:  rapid.Bool().Draw(t, "deleted"),
			})
		}
		got, err := decodeGroup(g.encode(new(recordMemory)))
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(*got) != fmt.Sprint(g) {
			t.Fatalf("got %+v, want %+v", got, g)
		}
	})
}

func FuzzGroupDecode(f *testing.F) {
	g := groupRecord{number: 7, previous: 9, changes: []change{{stateKey: stateKey{kindEntry, buffer.LaneID{}, "k"}, value: []byte("v")}}}
	f.Add(g.encode(new(recordMemory)))
	f.Add([]byte(groupMagic))
	f.Fuzz(func(_ *testing.T, data []byte) {
		if _, err := decodeGroup(data); err == nil || len(data) < groupHeaderSize {
			return
		}
		mended := bytes.Clone(data) // the checksum hides what lies behind it
		sum := groupChecksum(mended)
		for i := range 4 {
			mended[groupHeaderSize-4+i] = byte(sum >> (8 * i))
		}
		_, _ = decodeGroup(mended) // it must return; damage is told by the checksum
	})
}

// Values are found wherever they lie, whatever lies between them.
func TestScanFindsValuesBetweenAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var file []byte
		want := map[string]int64{}
		for i := range rapid.IntRange(0, 10).Draw(t, "values") {
			file = append(file, rapid.SliceOfN(rapid.SampledFrom([]byte{0, 'H', 'Y', 'B', 'G', '1', 7}), 0, 200).Draw(t, "between")...)
			first := buffer.Seq(i + 1)
			want[blockKey(buffer.LaneID{Stream: buffer.StreamID{1}}, first, 1)] = int64(len(file))
			file = append(file, someBlock(1, first, rapid.String().Draw(t, "record"))...)
		}
		found, err := scan(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		for key, offset := range want {
			if found.values[key].offset != offset {
				t.Fatalf("the value at %d was found at %d", offset, found.values[key].offset)
			}
		}
	})
}

func FuzzScan(f *testing.F) {
	f.Add(append(someBlock(1, 1, "a"), someBlock(1, 2, "b")...))
	f.Add([]byte("HYHYB1HYG1\x01\x01"))
	f.Fuzz(func(t *testing.T, file []byte) {
		found, err := scan(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		for _, where := range found.values {
			if where.offset+int64(where.length) > int64(len(file)) {
				t.Fatalf("a value at %d of %d bytes in a file of %d", where.offset, where.length, len(file))
			}
		}
	})
}
