package format

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"testing"
)

// shapes are objects at the edges of the format: no chunk, empty chunks, chunks of one byte, incompressible ones, and
// ones beyond deflate's window.
func shapes() map[string][][]byte {
	data := events(300 << 10)
	return map[string][][]byte{
		"no chunk":          nil,
		"empty chunk":       {{}},
		"empty among full":  {{}, []byte("a"), {}, {}, []byte("b"), {}},
		"bytes":             {[]byte("a"), []byte("b"), []byte("c")},
		"one chunk":         {data},
		"uneven chunks":     {data[:10], data[10:70000], data[70000:]},
		"equal chunks":      {data, data, data},
		"noise":             {noise(100 << 10), noise(1)},
		"zeros":             {make([]byte, 1<<20)},
		"stored block edge": {noise(65535), noise(65536), noise(65537)},
	}
}

// The standard library accepts the object as exactly one member with nothing behind it.
func TestGzipIsOneMember(t *testing.T) {
	for name, chunks := range shapes() {
		t.Run(name, func(t *testing.T) {
			source := bufio.NewReader(bytes.NewReader(object(gzipCodec{}, chunks...)))
			r, err := gzip.NewReader(source)
			if err != nil {
				t.Fatal(err)
			}
			r.Multistream(false)
			got, err := io.ReadAll(r) // checks CRC-32 and size
			if err != nil {
				t.Fatal(err)
			}
			if want := bytes.Join(chunks, nil); !bytes.Equal(got, want) {
				t.Errorf("decoded %d bytes, want the %d that went in", len(got), len(want))
			}
			if rest, err := io.ReadAll(source); err != nil || len(rest) > 0 {
				t.Errorf("%d bytes follow the member (%v), want none", len(rest), err)
			}
		})
	}
}
