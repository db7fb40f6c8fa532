package ingest

import (
	"bytes"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// zstdReaders work in the goroutine that reads, so that the pool may drop them.
var zstdReaders = sync.Pool{New: func() any {
	stream, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(largestWindow))
	if err != nil {
		panic("ingest: zstd options: " + err.Error()) // constants
	}
	return stream
}}

// largestWindow is what RFC 9659 allows a frame that is sent over HTTP.
const largestWindow = 8 << 20

// zstd counts the largest window that a frame asks for, too: the decoder keeps so much beside what it has given out.
func (d *decompression) zstd() error {
	window, err := zstdWindow(d.source)
	if err != nil {
		return notCompressed("zstd", err)
	}
	if err := d.request.reserve(window); err != nil {
		return err
	}
	defer d.request.unreserve(window)
	stream := zstdReaders.Get().(*zstd.Decoder)
	defer zstdReaders.Put(stream)
	if err := stream.Reset(bytes.NewReader(d.source)); err != nil {
		return notCompressed("zstd", err)
	}
	return d.read("zstd", stream)
}

// zstdWindow is the largest window that the decoder will keep for a body, in bytes. Every frame has its own, and frames that
// hold nothing may go first. An end in the middle of a frame's header is an error here, since the decoder takes less than a
// magic number for the end of the body; what is wrong within a frame is the decoder's to say.
func zstdWindow(body []byte) (window int64, err error) {
	for len(body) > 0 {
		var h zstd.Header
		rest, err := h.DecodeAndStrip(body)
		if err != nil {
			return 0, err
		}
		if h.Skippable {
			body = rest[min(int64(len(rest)), int64(h.SkippableSize)):]
			continue
		}
		size := h.WindowSize
		if h.SingleSegment {
			size = max(h.FrameContentSize, zstd.MinWindowSize)
		}
		window = max(window, int64(min(size, largestWindow)))
		body = behindFrame(rest, h.HasCheckSum)
	}
	return window, nil
}

// behindFrame is what follows a frame's blocks and its checksum; nothing where they are cut off.
func behindFrame(blocks []byte, checksum bool) []byte {
	const headerSize, checksumSize, repeated = 3, 4, 1
	for len(blocks) >= headerSize {
		header := uint32(blocks[0]) | uint32(blocks[1])<<8 | uint32(blocks[2])<<16 // last block: 1 bit, type: 2, size: 21
		size := int(header >> 3)
		if header>>1&3 == repeated {
			size = 1 // the byte that is repeated
		}
		last := header&1 != 0
		if last && checksum {
			size += checksumSize
		}
		blocks = blocks[min(len(blocks), headerSize+size):]
		if last {
			return blocks
		}
	}
	return nil
}
