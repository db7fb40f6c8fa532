package format

import (
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// zstdCodec makes each chunk a frame of its own (RFC 8878), with the size and a checksum of its content. Frames one after
// the other are a stream, and every conforming reader reads them all. One frame for the whole object is not to be had
// from chunks that know nothing of each other: its blocks share the last three offsets of matches.
type zstdCodec struct{}

const (
	zstdLevel = zstd.SpeedFastest // smaller and faster than gzip; the next level takes half as long again for 1 %

	// zstdWindow is more than a chunk has, as a rule, so that a frame's matches reach back to its beginning.
	zstdWindow = 512 << 10

	// zstdMaxWindow bounds what a frame may ask its reader to hold. RFC 9659 lets a reader refuse more.
	zstdMaxWindow = 8 << 20
)

func (zstdCodec) Name() string            { return "zstd" }
func (zstdCodec) Extension() string       { return ".zst" }
func (zstdCodec) ContentEncoding() string { return "zstd" }

func (zstdCodec) Chunk(dst, raw []byte) []byte {
	if len(raw) == 0 {
		return dst // a frame without content would only cost bytes
	}
	return zstdEncoder().EncodeAll(raw, dst)
}

// Wrap gives an empty object a frame: no bytes at all are no zstd stream.
func (zstdCodec) Wrap(t Totals) (head, tail []byte) {
	if t.Bytes > 0 {
		return nil, nil
	}
	return zstdEncoder().EncodeAll(nil, nil), nil
}

func (zstdCodec) Decode(r io.Reader) (io.ReadCloser, error) {
	decoder, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdMaxWindow))
	if err != nil {
		return nil, fmt.Errorf("read zstd: %w", err)
	}
	return decoder.IOReadCloser(), nil
}

// zstdEncoder holds a compressor for each processor: who needs one while all are in use waits, and could not run anyway.
var zstdEncoder = sync.OnceValue(func() *zstd.Encoder {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstdLevel), zstd.WithWindowSize(zstdWindow), zstd.WithZeroFrames(true))
	if err != nil {
		panic("format: zstd options: " + err.Error()) // constants, and a test compresses with them
	}
	return encoder
})
