package format

import (
	"bytes"
	"hash/crc32"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestByName(t *testing.T) {
	for _, tt := range []struct{ name, extension, encoding string }{
		{"none", "", ""},
		{"gzip", ".gz", "gzip"},
		{"zstd", ".zst", "zstd"},
		{"snappy", ".snappy", "snappy-java"},
		{"hadoop-snappy", ".snappy", "hadoop-snappy"},
		{"zip", ".zip", "zip"},
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
	for _, name := range []string{"", "GZIP", "brotli"} {
		const choices = "choose one of none, gzip, zstd, snappy, hadoop-snappy, zip"
		if _, err := ByName(name); err == nil || !strings.Contains(err.Error(), choices) {
			t.Errorf("ByName(%q) = %v, want an error that names the choices", name, err)
		}
	}
}

// However an object's bytes are cut into chunks, they decode to the same bytes.
func TestAnySplitDecodesToTheSameBytes(t *testing.T) {
	for _, codec := range codecs {
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

// chunkGenerator makes chunks from empty to beyond the largest block of any codec, Hadoop's of 128 KiB, from noise to
// a single repeated byte.
var chunkGenerator = rapid.Custom(func(t *rapid.T) []byte {
	pattern := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "pattern")
	repeat := rapid.OneOf(rapid.Just(0), rapid.IntRange(1, 3), rapid.IntRange(100, 700), rapid.IntRange(1000, 1500)).Draw(t, "repeat")
	return bytes.Repeat(pattern, repeat)
})

func TestChunkAppends(t *testing.T) {
	raw := []byte("some bytes, some more bytes")
	for _, codec := range codecs {
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
	for _, codec := range codecs {
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
	for _, codec := range codecs {
		dst := make([]byte, 0, 2*len(raw))
		if got := testing.AllocsPerRun(100, func() { codec.Chunk(dst, raw) }); got >= 1 {
			t.Errorf("%s: %v allocations a chunk, want none", codec.Name(), got)
		}
	}
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
	totals.Stored = int64(len(body))
	head, tail := codec.Wrap(totals)
	return append(append(head, body...), tail...)
}

type fataler interface{ Fatal(...any) }

func decode(t fataler, codec Codec, data []byte) []byte {
	got, err := tryDecode(codec, data)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
