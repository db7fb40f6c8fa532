package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

// compressors are the forms that clients send, by name.
var compressors = map[string]struct {
	encoding Encoding
	compress func([]byte) []byte
}{
	"gzip":               {Gzip, gzipped},
	"gzip in two pieces": {Gzip, inTwo(gzipped)},
	"zstd":               {Zstd, zstdWhole},
	"zstd as a stream":   {Zstd, zstdStream},
	"zstd in two frames": {Zstd, inTwo(zstdStream)},
	"snappy":             {Snappy, func(b []byte) []byte { return snappy.Encode(nil, b) }},
	"snappy framed":      {Snappy, snappyFramed},
}

func inTwo(compress func([]byte) []byte) func([]byte) []byte {
	return func(b []byte) []byte { return append(compress(b[:len(b)/3]), compress(b[len(b)/3:])...) }
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b) // a bytes.Buffer takes everything
	_ = w.Close()
	return out.Bytes()
}

func zstdWhole(b []byte) []byte {
	w, err := zstd.NewWriter(nil, zstd.WithZeroFrames(true))
	if err != nil {
		panic(err)
	}
	return w.EncodeAll(b, nil)
}

func zstdStream(b []byte) []byte {
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, zstd.WithZeroFrames(true))
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

func snappyFramed(b []byte) []byte {
	var out bytes.Buffer
	w := s2.NewWriter(&out, s2.WriterSnappyCompat())
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

func decompressing(t testing.TB, limits Limits) *Ingest {
	t.Helper()
	in, err := New(Config{Limits: limits, Poison: true}, Deps{Log: &fakeLog{}, Catalog: new(Catalog)})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// receive is what becomes of a body, copied.
func receive(in *Ingest, e Encoding, body []byte) ([]byte, error) {
	r := in.Begin(bytes.NewReader(body), int64(len(body)))
	defer r.End()
	r.Encoding = e
	out, err := r.Receive()
	return bytes.Clone(out), err
}

// Whatever a client compresses arrives as it was, and everything that was reserved is given back.
func TestDecompress(t *testing.T) {
	in := decompressing(t, Limits{})
	rapid.Check(t, func(rt *rapid.T) {
		unit := rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(rt, "unit")
		want := bytes.Repeat(unit, rapid.IntRange(1, 20000).Draw(rt, "times"))
		for name, c := range compressors {
			got, err := receive(in, c.encoding, c.compress(want))
			if err != nil || !bytes.Equal(got, want) {
				rt.Fatalf("%s: %d bytes became %d: %v", name, len(want), len(got), err)
			}
			if n := in.InFlight(); n != 0 {
				rt.Fatalf("%s: %d bytes stay reserved", name, n)
			}
		}
	})
}

// A body that grows beyond the limit, or beyond what honest data does, is refused, and its size does not matter.
func TestDecompressedTooLarge(t *testing.T) {
	for name, c := range compressors {
		in := decompressing(t, Limits{Decompressed: 4 << 20})
		for what, size := range map[string]int{"one byte above the limit": 4<<20 + 1, "far above": 64 << 20} {
			random := make([]byte, size)
			chacha := rand.NewChaCha8([32]byte{})
			_, _ = chacha.Read(random[:size/8]) // compresses eightfold, not a hundredfold
			body := c.compress(random)
			if len(body) > 8<<20 {
				continue
			}
			_, err := receive(in, c.encoding, body)
			if e := AsError(err); e.Code != DecompressedTooLarge || e.Limit != 4<<20 || e.Size <= e.Limit {
				t.Errorf("%s, %s: got %v", name, what, err)
			}
			if n := in.InFlight(); n != 0 {
				t.Errorf("%s: %d bytes stay reserved", name, n)
			}
		}
	}
	in := decompressing(t, Limits{})
	for _, name := range []string{"gzip", "zstd", "zstd as a stream"} {
		c := compressors[name]
		bomb := c.compress(make([]byte, 30<<20))
		_, err := receive(in, c.encoding, bomb)
		if e := AsError(err); e.Code != DecompressedTooLarge || !strings.Contains(e.Detail, "more than 100 times its size") {
			t.Errorf("a bomb of %s of %d bytes: got %v", name, len(bomb), err)
		}
	}
}

// A body that is cut, or that another one follows, is refused: half of the records must not pass for all.
func TestDamagedCompression(t *testing.T) {
	in := decompressing(t, Limits{})
	want := bytes.Repeat([]byte(`{"a":"some record"}`+"\n"), 1000)
	for name, c := range compressors {
		whole := c.compress(want)
		for _, cut := range []int{1, 4, len(whole) / 2, len(whole) - 1} {
			if name == "gzip in two pieces" || name == "zstd in two frames" {
				continue // cut between the pieces it is whole
			}
			if got, err := receive(in, c.encoding, whole[:cut]); err == nil || AsError(err).Code != InvalidCompression {
				t.Errorf("%s cut to %d of %d bytes: %d bytes, %v", name, cut, len(whole), len(got), err)
			}
		}
		if _, err := receive(in, c.encoding, append(whole, "garbage"...)); err == nil || AsError(err).Code != InvalidCompression {
			t.Errorf("%s with garbage behind it: %v", name, err)
		}
		if _, err := receive(in, c.encoding, []byte("\xf0\x9f not compressed at all")); AsError(err).Code != InvalidCompression {
			t.Errorf("%s: what is not compressed: %v", name, err)
		}
	}
}

// Room is reserved before it is used, and a request that gets none leaves nothing behind.
func TestDecompressionIsCounted(t *testing.T) {
	in := decompressing(t, Limits{Body: 3 << 20, InFlight: 30 << 20, Decompressed: 8 << 20})
	const others = 27 << 20
	if !in.inFlight.reserve(others) {
		t.Fatal("there is no room")
	}
	var lines bytes.Buffer // 4 MiB that compress about fourfold
	for lines.Len() < 4<<20 {
		fmt.Fprintf(&lines, "{\"a member whose name is long enough to compress well\":%d}\n", rand.Uint64())
	}
	for name, c := range compressors {
		_, err := receive(in, c.encoding, c.compress(lines.Bytes()))
		if e := AsError(err); e.Code != InFlightLimit || e.RetryAfter == 0 {
			t.Errorf("%s: got %v", name, err)
		}
		if n := in.InFlight() - others; n != 0 {
			t.Errorf("%s: %d bytes stay reserved", name, n)
		}
	}
}

// A body within the limits is served by a node that has room for no more than one of that size, also where its own guess of the
// room needs a second try; one that needs more than all requests together may hold is told so, and not to come again.
func TestDecompressionAlone(t *testing.T) {
	const decompressed = 8 << 20
	random := make([]byte, decompressed)
	for name, test := range map[string]struct {
		random   int // bytes that do not compress, of all
		encoding Encoding
		compress func([]byte) []byte
		fits     bool
	}{
		"gzip, guessed at six":                  {3 << 19, Gzip, gzipped, true},
		"gzip, guessed at two":                  {1 << 19, Gzip, gzipped, true},
		"zstd, guessed at four, a small window": {1 << 19, Zstd, func(b []byte) []byte { return zstdOf(1<<20, b[:len(b)/2]) }, true},
		"zstd, guessed at four, a large window": {1 << 19, Zstd, func(b []byte) []byte { return zstdOf(8<<20, b[:len(b)/2]) }, false},
	} {
		in := decompressing(t, Limits{Body: 2 << 20, Decompressed: decompressed, InFlight: 2<<20 + decompressed*3/2})
		clear(random)
		chacha := rand.NewChaCha8([32]byte{})
		_, _ = chacha.Read(random[:test.random])
		body := test.compress(random)
		got, err := receive(in, test.encoding, body)
		if test.fits && (err != nil || len(got) != decompressed) {
			t.Errorf("%s: a body of %d bytes: got %d, %v", name, len(body), len(got), err)
		}
		if e := AsError(err); !test.fits && (err == nil || e.Code != DecompressedTooLarge || e.RetryAfter > 0 || !strings.Contains(e.Detail, "in_flight")) {
			t.Errorf("%s: a body of %d bytes: got %v", name, len(body), err)
		}
	}
}

func TestParseEncoding(t *testing.T) {
	for text, want := range map[string]Encoding{
		"": Identity, "identity": Identity, "gzip": Gzip, "GZIP": Gzip, "x-gzip": Gzip, "zstd": Zstd, "snappy": Snappy,
	} {
		if got, err := ParseEncoding([]byte(text)); err != nil || got != want {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"br", "deflate", "gzip, zstd", "gzip;q=1", strings.Repeat("x", 1000)} {
		if _, err := ParseEncoding([]byte(text)); err == nil || AsError(err).Code != UnsupportedEncoding || len(err.Error()) > 200 {
			t.Errorf("%.40q: got %v", text, err)
		}
	}
}

// No body ends the process, takes more than it may, or keeps what it took.
func FuzzDecompress(f *testing.F) {
	for _, c := range compressors {
		f.Add(int(c.encoding), c.compress([]byte(strings.Repeat("seed ", 100))))
	}
	in := decompressing(f, Limits{Decompressed: 1 << 20})
	f.Fuzz(func(t *testing.T, e int, body []byte) {
		out, err := receive(in, Encoding(uint(e)%4), body)
		if int64(len(out)) > 1<<20 && Encoding(uint(e)%4) != Identity {
			t.Errorf("%d bytes", len(out))
		}
		var refusal *Error
		if err != nil && !errors.As(err, &refusal) {
			t.Errorf("an error of another kind: %v", err)
		}
		if n := in.InFlight(); n != 0 {
			t.Errorf("%d bytes stay reserved", n)
		}
	})
}

func BenchmarkDecompress(b *testing.B) {
	var lines bytes.Buffer
	for i := range 500 {
		fmt.Fprintf(&lines, `{"time":"2026-01-01T00:00:%02d","level":"info","n":%d,"message":"%s"}`+"\n", i%60, i, strings.Repeat("words and more ", 40))
	}
	in := decompressing(b, Limits{})
	in.buffers.poison = false
	for _, name := range []string{"gzip", "zstd", "snappy", "snappy framed"} {
		c := compressors[name]
		body := c.compress(lines.Bytes())
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(lines.Len()))
			b.ReportAllocs()
			for b.Loop() {
				r := in.Begin(bytes.NewReader(body), int64(len(body)))
				r.Encoding = c.encoding
				if _, err := r.Receive(); err != nil {
					b.Fatal(err)
				}
				r.End()
			}
		})
	}
}
