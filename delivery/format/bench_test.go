package format

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// BenchmarkChunk measures an object of 16 MiB cut into chunks, with every codec, and the same bytes as one stream of the
// bare library. The metric ratio is uncompressed to compressed bytes.
func BenchmarkChunk(b *testing.B) {
	data := events(16 << 20)
	for _, codec := range codecs {
		for _, size := range []int{64 << 10, 256 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("%s/%dKiB", codec.Name(), size>>10), func(b *testing.B) {
				dst := make([]byte, 0, len(data)+len(data)/4)
				b.SetBytes(int64(len(data)))
				for b.Loop() {
					dst = dst[:0]
					for chunk := range slices.Chunk(data, size) {
						dst = codec.Chunk(dst, chunk)
					}
				}
				b.ReportMetric(float64(len(data))/float64(len(dst)), "ratio")
			})
		}
	}
}

// resetter is a compressor of a bare library.
type resetter interface {
	io.WriteCloser
	Reset(w io.Writer)
}

func BenchmarkLibrary(b *testing.B) {
	data := events(16 << 20)
	gzips, err := gzip.NewWriterLevel(nil, gzipLevel)
	if err != nil {
		b.Fatal(err)
	}
	zstds, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstdLevel), zstd.WithEncoderConcurrency(1))
	if err != nil {
		b.Fatal(err)
	}
	snappies := s2.NewWriter(nil, s2.WriterSnappyCompat(), s2.WriterConcurrency(1))
	for name, w := range map[string]resetter{"gzip": gzips, "zstd": zstds, "snappy": snappies} {
		b.Run(name, func(b *testing.B) {
			var out counter
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				out = 0
				w.Reset(&out)
				if _, err := w.Write(data); err != nil {
					b.Fatal(err)
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(data))/float64(out), "ratio")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	data := events(16 << 20)
	for _, codec := range codecs {
		whole := object(codec, slices.Collect(slices.Chunk(data, 256<<10))...)
		b.Run(codec.Name(), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				r, err := codec.Decode(bytes.NewReader(whole))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, r); err != nil {
					b.Fatal(err)
				}
				_ = r.Close() // reading to the end told all
			}
		})
	}
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// events is at least n bytes of web-access events, a line each, cut to n.
func events(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	verbs := []string{"GET", "POST", "PUT"}
	agents := []string{"Mozilla/5.0 (X11; Linux x86_64)", "curl/8.5.0", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1)"}
	var out []byte
	for at := 1_700_000_000_000; len(out) < n; at += r.IntN(40) {
		out = fmt.Appendf(out, `{"ts":%d,"customer":"c%05d","session":"%016x","verb":"%s","path":"/shop/item/%d/%x",`+
			`"status":%d,"bytes":%d,"ms":%.3f,"agent":"%s"}`+"\n", at, r.IntN(5000), r.Uint64(), verbs[r.IntN(3)],
			r.IntN(300), r.IntN(1<<20), 200+r.IntN(5)*100, r.IntN(100_000), r.Float64()*300, agents[r.IntN(3)])
	}
	return out[:n]
}

// noise is n bytes that cannot be compressed.
func noise(n int) []byte {
	out := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(out) // never fails
	return out
}
