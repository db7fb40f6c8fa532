package badgerlog

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
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
		found, err := scan(bytes.NewReader(file), int64(len(file)), noHoles)
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

// Holes are not read, and what lies between two of them is found. Who calls a hole what was written is not believed.
func TestScanLeapsOverHoles(t *testing.T) {
	const hole = 64 << 20
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	offsets := []int64{1000, 5 << 20, hole, 2*hole + 123}
	for i, at := range offsets {
		if _, err := f.WriteAt(someBlock(1, buffer.Seq(i+1), "record"), at); err != nil {
			t.Fatal(err)
		}
	}
	const size = 3 * hole
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	r := &counting{ReaderAt: f}
	found, err := scan(r, size, func(at int64) int64 { return nextData(f, at) })
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range offsets {
		if got := found.values[blockKey(buffer.LaneID{Stream: buffer.StreamID{1}}, buffer.Seq(i+1), 1)].offset; got != at {
			t.Errorf("the value at %d was found at %d", at, got)
		}
	}
	if holes := nextData(f, hole/2) > hole/2; holes && r.bytes > hole {
		t.Errorf("%d MB were read of a file of %d MB that is all but empty", r.bytes>>20, size>>20)
	}
	liar := func(int64) int64 { return math.MaxInt64 }
	if found, err = scan(f, 6<<20, liar); err != nil || len(found.values) != 2 {
		t.Errorf("got %d of 2 values from a file system that calls all of it a hole: %v", len(found.values), err)
	}
}

type counting struct {
	io.ReaderAt
	bytes int
}

func (c *counting) ReadAt(p []byte, offset int64) (int, error) {
	c.bytes += len(p)
	return c.ReaderAt.ReadAt(p, offset)
}

func FuzzScan(f *testing.F) {
	f.Add(append(someBlock(1, 1, "a"), someBlock(1, 2, "b")...))
	f.Add([]byte("HYHYB1HYG1\x01\x01"))
	f.Fuzz(func(t *testing.T, file []byte) {
		found, err := scan(bytes.NewReader(file), int64(len(file)), noHoles)
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
