package bench

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/cespare/xxhash/v2"
	"pgregory.net/rapid"
)

const testRun = "6f1c0a2b3c4d5e6f"

// TestRecordForm reads a record with the standard library's JSON decoder.
func TestRecordForm(t *testing.T) {
	line := newAuthor(testRun, 12, plain(300, []string{"k07"})).append(nil, 345)
	if got, want := len(line), 300; got != want {
		t.Errorf("size: got %d, want %d", got, want)
	}
	var fields struct {
		Run           string
		Producer, N   int
		Key, Pad, Sum string
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&fields); err != nil {
		t.Fatal(err)
	}
	if fields.Run != testRun || fields.Producer != 12 || fields.N != 345 || fields.Key != "k07" {
		t.Errorf("got %+v", fields)
	}
	summed, _, _ := bytes.Cut(line, []byte(`,"sum":"`))
	if want := fmt.Sprintf("%016x", xxhash.Sum64(summed)); fields.Sum != want {
		t.Errorf("sum: got %s, want %s", fields.Sum, want)
	}
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := keyNames(rapid.IntRange(1, 2000).Draw(t, "keys"))
		producer := rapid.IntRange(0, maxConnections-1).Draw(t, "producer")
		n := rapid.Uint64Max(1<<60).Draw(t, "n")
		size := rapid.IntRange(maxEnvelope, 3000).Draw(t, "size")
		line := newAuthor(testRun, producer, plain(size, keys)).append([]byte("before"), n)[len("before"):]
		r, whole := parseRecord(line)
		if !whole || string(r.run) != testRun || r.producer != producer || r.n != n {
			t.Errorf("got %+v, whole %v, of %s", r, whole, line)
		}
		if len(line) != size {
			t.Errorf("size: got %d, want %d", len(line), size)
		}
	})
}

// TestSmallestRecord writes records of the least size that the options allow, up to the number that it is meant for. Beyond
// that one says who it is all the same, and takes another byte.
func TestSmallestRecord(t *testing.T) {
	for _, c := range []struct{ connections, keys, want int }{{8, 16, 100}, {1, 1, 99}, {maxConnections, maxKeys, 108}} {
		o := Options{Connections: c.connections, Keys: c.keys}
		size := o.minRecordSize()
		if size != c.want {
			t.Errorf("%d connections, %d keys: got %d bytes, want %d", c.connections, c.keys, size, c.want)
		}
		for n, want := range map[uint64]int{0: size, 9_999_999_999: size, 10_000_000_000: size + 1} {
			line := newAuthor(testRun, c.connections-1, plain(size, keyNames(c.keys))).append(nil, n)
			if r, whole := parseRecord(line); !whole || r.n != n || len(line) != want {
				t.Errorf("%d connections, %d keys: got %d bytes, whole %v, want %d of %s", c.connections, c.keys, len(line), whole, want, line)
			}
		}
	}
}

// TestEveryChangeShows changes, removes and doubles each byte of a record.
func TestEveryChangeShows(t *testing.T) {
	line := newAuthor(testRun, 3, plain(recordSize, keyNames(16))).append(nil, 7)
	for i := range line {
		for _, changed := range [][]byte{
			append(append(bytes.Clone(line[:i]), line[i]^1), line[i+1:]...),
			append(bytes.Clone(line[:i]), line[i+1:]...),
			append(append(bytes.Clone(line[:i]), line[i]), line[i:]...),
			line[:i],
		} {
			if _, whole := parseRecord(changed); whole {
				t.Fatalf("a change at byte %d does not show: %s", i, changed)
			}
		}
	}
}

// TestRecordsCompressLikeLogs guards the benchmark's honesty: neither all alike nor all noise, in whatever window.
func TestRecordsCompressLikeLogs(t *testing.T) {
	a := newAuthor(testRun, 0, plain(512, keyNames(16)))
	var plain, packed bytes.Buffer
	for n := range uint64(4000) {
		plain.Write(a.append(nil, n))
	}
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(plain.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if ratio := float64(plain.Len()) / float64(packed.Len()); ratio < 2 || ratio > 5 {
		t.Errorf("gzip shrinks records %.1f times, want 2 to 5", ratio)
	}
}

func TestKeyNames(t *testing.T) {
	for _, c := range []struct {
		count       int
		first, last string
	}{{1, "k0", "k0"}, {10, "k0", "k9"}, {11, "k00", "k10"}, {1000, "k000", "k999"}} {
		names := keyNames(c.count)
		if len(names) != c.count || names[0] != c.first || names[c.count-1] != c.last {
			t.Errorf("%d keys: got %d from %s to %s, want from %s to %s", c.count, len(names), names[0], names[len(names)-1], c.first, c.last)
		}
	}
}

func TestAuthorAllocatesNothing(t *testing.T) {
	a := newAuthor(testRun, 0, plain(512, keyNames(16)))
	dst := make([]byte, 0, 1024)
	write := func() { dst, a.sizes = a.append(dst[:0], 1), a.sizes[:0] }
	if got := testing.AllocsPerRun(100, write); got != 0 {
		t.Errorf("got %v allocations a record, want none", got)
	}
}

// FuzzParseRecord checks that a line that counts as whole is exactly what an author would have written.
func FuzzParseRecord(f *testing.F) {
	f.Add(newAuthor(testRun, 3, plain(recordSize, keyNames(16))).append(nil, 7))
	f.Add([]byte(`{"run":"","producer":0,"n":0,"key":"","pad":"","sum":"0000000000000000"}`))
	f.Add([]byte(`{"run":"`))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, _ = parseRecord(body)
		// The fuzzer does not find sums: give it the right one.
		line := fmt.Appendf(bytes.Clone(body), `,"sum":"%016x"}`, xxhash.Sum64(body))
		r, whole := parseRecord(line)
		if !whole {
			return
		}
		head := fmt.Appendf(nil, `{"run":"%s","producer":%d,"n":%d,"key":"%s","`, r.run, r.producer, r.n, r.key)
		if !bytes.HasPrefix(line, head) {
			t.Errorf("got %+v of %s", r, line)
		}
	})
}

func BenchmarkAuthor(b *testing.B) {
	a := newAuthor(testRun, 12, plain(1024, keyNames(16)))
	var dst []byte
	b.SetBytes(1024)
	b.ReportAllocs()
	for n := range b.N {
		dst, a.sizes = a.append(dst[:0], uint64(n)), a.sizes[:0]
	}
}

func BenchmarkParseRecord(b *testing.B) {
	line := newAuthor(testRun, 12, plain(1024, keyNames(16))).append(nil, 345)
	b.SetBytes(1024)
	b.ReportAllocs()
	for range b.N {
		if _, whole := parseRecord(line); !whole {
			b.Fatal("the record is damaged")
		}
	}
}
