package format

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
)

// gzipCodec makes an object one gzip stream of one member (RFC 1952). Each chunk is a run of deflate blocks that ends
// with a sync marker on a byte boundary and refers to nothing before it, so chunks can simply be put one after the
// other. The alternative, a member for each chunk, is as valid, but some readers stop after the first.
type gzipCodec struct{}

// gzipLevel is the library's fastest: half the processor time of level 6, for objects a seventh larger.
const gzipLevel = 1

// deflateEnd is the last block of a deflate stream: empty, with the fixed code.
const deflateEnd = "\x03\x00"

func (gzipCodec) Name() string            { return "gzip" }
func (gzipCodec) Extension() string       { return ".gz" }
func (gzipCodec) ContentEncoding() string { return "gzip" }

func (gzipCodec) Chunk(dst, raw []byte) []byte {
	if len(raw) == 0 {
		return dst // a bare sync marker would only cost bytes
	}
	d := deflaters.Get().(*deflater)
	defer deflaters.Put(d)
	return d.deflate(dst, raw)
}

func (gzipCodec) Wrap(t Totals) (head, tail []byte) {
	head = []byte{
		0x1f, 0x8b, 8, 0, // a deflate member without name, comment or extra field
		0, 0, 0, 0, // no time: equal content stays equal bytes
		4,   // compressed by the fastest algorithm
		255, // unknown operating system
	}
	tail = append(tail, deflateEnd...)
	tail = binary.LittleEndian.AppendUint32(tail, t.CRC32)
	tail = binary.LittleEndian.AppendUint32(tail, uint32(t.Bytes)) // modulo 2^32, as the format wants it
	return head, tail
}

func (gzipCodec) Decode(r io.Reader) (io.ReadCloser, error) {
	decoded, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("read gzip header: %w", err)
	}
	return decoded, nil
}

// deflater is a compressor (800 KiB) and the slice it appends to.
type deflater struct {
	writer *flate.Writer
	out    []byte
}

var deflaters = sync.Pool{New: func() any {
	d := new(deflater)
	writer, err := flate.NewWriter(d, gzipLevel)
	if err != nil {
		panic("format: gzip level: " + err.Error()) // a constant, and a test compresses with it
	}
	d.writer = writer
	return d
}}

// deflate appends raw's compressed form to dst.
func (d *deflater) deflate(dst, raw []byte) []byte {
	d.out = dst
	d.writer.Reset(d)
	_, err := d.writer.Write(raw)
	if err == nil {
		err = d.writer.Flush()
	}
	if err != nil {
		panic("format: compress to memory: " + err.Error()) // only the writer below fails, and it does not
	}
	dst, d.out = d.out, nil // the pool must not keep the caller's memory
	return dst
}

func (d *deflater) Write(p []byte) (int, error) {
	d.out = append(d.out, p...)
	return len(p), nil
}
