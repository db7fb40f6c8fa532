package format

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// BenchmarkChunk measures an object of 16 MiB cut into chunks against one stream of the bare library. The metric ratio
// is uncompressed to compressed bytes.
func BenchmarkChunk(b *testing.B) {
	data := events(16 << 20)
	for _, size := range []int{64 << 10, 256 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("gzip/%dKiB", size>>10), func(b *testing.B) {
			dst := make([]byte, 0, len(data))
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				dst = dst[:0]
				for at := 0; at < len(data); at += size {
					dst = gzipCodec{}.Chunk(dst, data[at:min(at+size, len(data))])
				}
			}
			b.ReportMetric(float64(len(data))/float64(len(dst)), "ratio")
		})
	}
	b.Run("library", func(b *testing.B) {
		var out counter
		w, err := gzip.NewWriterLevel(&out, gzipLevel)
		if err != nil {
			b.Fatal(err)
		}
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

func BenchmarkDecode(b *testing.B) {
	data := events(16 << 20)
	whole := object(gzipCodec{}, data)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		r, err := gzipCodec{}.Decode(bytes.NewReader(whole))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			b.Fatal(err)
		}
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
