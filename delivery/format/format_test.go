package format

import (
	"bytes"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestByName(t *testing.T) {
	for _, tt := range []struct{ name, extension, encoding string }{
		{"none", "", ""},
		{"gzip", ".gz", "gzip"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			codec, err := ByName(tt.name)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := codec.Name(), tt.name; got != want {
				t.Errorf("Name() = %q, want %q", got, want)
			}
			if got, want := codec.Extension(), tt.extension; got != want {
				t.Errorf("Extension() = %q, want %q", got, want)
			}
			if got, want := codec.ContentEncoding(), tt.encoding; got != want {
				t.Errorf("ContentEncoding() = %q, want %q", got, want)
			}
		})
	}
	for _, name := range []string{"", "GZIP", "zip"} {
		if _, err := ByName(name); err == nil || !strings.Contains(err.Error(), "choose none or gzip") {
			t.Errorf("ByName(%q) = %v, want an error that names the choices", name, err)
		}
	}
}

// However an object's bytes are cut into chunks, they decode to the same bytes.
func TestAnySplitDecodesToTheSameBytes(t *testing.T) {
	for _, codec := range codecs(t) {
		t.Run(codec.Name(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				chunks := rapid.SliceOfN(chunkGenerator, 0, 6).Draw(t, "chunks")
				got := decode(t, codec, object(codec, chunks...))
				if want := bytes.Join(chunks, nil); !bytes.Equal(got, want) {
					t.Fatalf("decoded %d bytes, want the %d that went in", len(got), len(want))
				}
			})
		})
	}
}

// chunkGenerator makes chunks from empty to beyond deflate's window of 32 KiB and block of 64 KiB, from noise to a
// single repeated byte.
var chunkGenerator = rapid.Custom(func(t *rapid.T) []byte {
	pattern := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "pattern")
	repeat := rapid.OneOf(rapid.Just(0), rapid.IntRange(1, 3), rapid.IntRange(100, 700)).Draw(t, "repeat")
	return bytes.Repeat(pattern, repeat)
})

func TestChunkAppends(t *testing.T) {
	raw := []byte("some bytes, some more bytes")
	for _, codec := range codecs(t) {
		prefix := []byte("before")
		got := codec.Chunk(prefix, raw)
		want := append([]byte("before"), codec.Chunk(nil, raw)...)
		if !bytes.Equal(got, want) {
			t.Errorf("%s: Chunk(%q, raw) = %q, want %q", codec.Name(), prefix, got, want)
		}
		if string(raw) != "some bytes, some more bytes" {
			t.Errorf("%s: Chunk changed its input to %q", codec.Name(), raw)
		}
	}
}

// Codecs are pooled inside: chunks compressed at once must not share anything.
func TestChunksMayBeCompressedAtOnce(t *testing.T) {
	raw := events(256 << 10)
	for _, codec := range codecs(t) {
		want := codec.Chunk(nil, raw)
		got := make(chan []byte)
		const workers = 8
		for range workers {
			go func() { got <- codec.Chunk(nil, raw) }()
		}
		for range workers {
			if !bytes.Equal(<-got, want) {
				t.Errorf("%s: a chunk compressed beside others differs", codec.Name())
			}
		}
	}
}

func TestChunkDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		return // the race detector makes pools forget at random
	}
	raw := events(64 << 10)
	for _, codec := range codecs(t) {
		dst := make([]byte, 0, 2*len(raw))
		if got := testing.AllocsPerRun(100, func() { codec.Chunk(dst, raw) }); got >= 1 {
			t.Errorf("%s: %v allocations a chunk, want none", codec.Name(), got)
		}
	}
}

// FuzzDecode feeds damaged objects to every codec: an error or some bytes, never a panic.
func FuzzDecode(f *testing.F) {
	gzip := object(gzipCodec{}, []byte("one "), []byte("two"))
	f.Add([]byte{})
	f.Add(gzip)
	f.Add(gzip[:len(gzip)-1])
	f.Add(append(bytes.Clone(gzip), gzip...))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, codec := range codecs(t) {
			r, err := codec.Decode(bytes.NewReader(data))
			if err != nil {
				continue
			}
			// Deflate expands at most 1,032 times.
			n, err := io.Copy(io.Discard, r)
			if n > 1032*int64(len(data))+64 {
				t.Errorf("%s: %d bytes decoded to %d", codec.Name(), len(data), n)
			}
			if closed := r.Close(); err == nil && closed != nil {
				t.Errorf("%s: close: %v", codec.Name(), closed)
			}
		}
	})
}

func codecs(t testing.TB) []Codec {
	t.Helper()
	var all []Codec
	for _, name := range []string{"none", "gzip"} {
		codec, err := ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, codec)
	}
	return all
}

// object is the whole compressed form of the chunks.
func object(codec Codec, chunks ...[]byte) []byte {
	var totals Totals
	var body []byte
	for _, chunk := range chunks {
		totals.Bytes += int64(len(chunk))
		totals.CRC32 = crc32.Update(totals.CRC32, crc32.IEEETable, chunk)
		body = codec.Chunk(body, chunk)
	}
	head, tail := codec.Wrap(totals)
	return append(append(head, body...), tail...)
}

type fataler interface{ Fatal(...any) }

func decode(t fataler, codec Codec, data []byte) []byte {
	r, err := codec.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
