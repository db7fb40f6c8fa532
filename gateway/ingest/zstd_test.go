package ingest

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// Frames made by hand: one that is skipped, and one of the largest window that holds nothing.
const (
	skipped = "\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
	widest  = "\x28\xb5\x2f\xfd\x00\x68\x09\x00\x00x" // a raw block of one byte
)

func zstdOf(window int, b []byte) []byte {
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, zstd.WithWindowSize(window), zstd.WithEncoderCRC(window > 64<<10))
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(b)
	_ = w.Flush() // several blocks
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

// The window that is counted is the largest of all frames, wherever it is.
func TestZstdWindow(t *testing.T) {
	text := []byte(strings.Repeat("some text ", 30_000))
	small, large, whole := zstdOf(32<<10, text), zstdOf(1<<20, text), zstdWhole(text)
	for name, test := range map[string]struct {
		body []byte
		want int64
	}{
		"small":                    {small, 32 << 10},
		"large behind small":       {slices.Concat(small, large), 1 << 20},
		"large before small":       {slices.Concat(large, small), 1 << 20},
		"one segment":              {whole, int64(len(text))},
		"one segment behind small": {slices.Concat(small, whole), int64(len(text))},
		"skipped first":            {slices.Concat([]byte(skipped), large), 1 << 20},
		"skipped between and last": {slices.Concat(small, []byte(skipped), large, []byte(skipped)), 1 << 20},
		"nothing":                  {[]byte(skipped + widest), largestWindow},
	} {
		if got, err := zstdWindow(test.body); err != nil || got != test.want {
			t.Errorf("%s: got %d, %v, want %d", name, got, err, test.want)
		}
	}
}

// A few bytes do not get eight megabytes that nobody counts.
func TestZstdWindowIsCounted(t *testing.T) {
	in := decompressing(t, Limits{Body: 1 << 20, InFlight: 10 << 20})
	if !in.inFlight.reserve(4 << 20) { // by others
		t.Fatal("there is no room")
	}
	tiny := string(zstdWhole([]byte("x")))
	for _, body := range []string{widest, skipped + widest, tiny + widest, tiny + skipped + widest} {
		if _, err := receive(in, Zstd, []byte(body)); err == nil || AsError(err).Code != InFlightLimit {
			t.Errorf("%x: got %v", body, err)
		}
	}
	roomy := decompressing(t, Limits{})
	if got, err := receive(roomy, Zstd, []byte(skipped+widest)); err != nil || string(got) != "x" {
		t.Errorf("with room: got %q, %v", got, err)
	}
}

// A body that ends within the magic number of its second frame is cut off, and not the first frame alone.
func TestZstdCutBehindAFrame(t *testing.T) {
	in := decompressing(t, Limits{})
	first := zstdWhole([]byte("one\n"))
	second := zstdWhole([]byte("two\n"))
	for n := 1; n < len(second); n++ {
		if got, err := receive(in, Zstd, slices.Concat(first, second[:n])); err == nil || AsError(err).Code != InvalidCompression {
			t.Errorf("cut after %d bytes of %d: got %q, %v", n, len(second), got, err)
		}
	}
}

// No frame that the decoder comes to has a window that was not counted: allowed no larger one, it does the same.
func FuzzZstdWindow(f *testing.F) {
	f.Add([]byte(skipped + widest))
	f.Add([]byte(widest + skipped[:4] + "\x00")) // with zeros behind it, a whole frame that is skipped
	f.Add(slices.Concat(zstdOf(1<<10, []byte("seed ")), zstdOf(1<<20, []byte("seed ")), zstdWhole([]byte("seed"))))
	f.Fuzz(func(t *testing.T, body []byte) {
		window, err := zstdWindow(body)
		if err != nil {
			// The decoder takes up to three bytes behind the last frame for the end; with three more they are none. They complete
			// no header that is cut off: as the end of a size they ask for more than there is.
			if all, err := unzstd(append(bytes.Clone(body), 0xff, 0xff, 0xff), largestWindow); err == nil && len(all) < mostUnzstd {
				t.Errorf("a whole body is refused")
			}
			return
		}
		want, wantErr := unzstd(body, largestWindow)
		got, err := unzstd(body, max(window, zstd.MinWindowSize))
		if !bytes.Equal(got, want) || (err == nil) != (wantErr == nil) {
			t.Errorf("with a window of %d: %d bytes, %v; want %d, %v", window, len(got), err, len(want), wantErr)
		}
	})
}

const mostUnzstd = 1 << 20

// unzstd is a body's first mostUnzstd bytes.
func unzstd(body []byte, window int64) ([]byte, error) {
	r, err := zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(uint64(window)))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, mostUnzstd))
}
