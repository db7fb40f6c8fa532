package ingest

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
)

// Encoding is a Content-Encoding that a body can have.
type Encoding int

// The encodings. Snappy is a single block or, where the body begins with its identifier, the framing format.
const (
	Identity Encoding = iota
	Gzip
	Zstd
	Snappy
)

// Encodings lists what ParseEncoding knows, as a header has it.
const Encodings = "gzip, zstd, snappy, identity"

// A body may grow to maxGrowth times its size, or to growthFloor if that is more: what grows further is made to.
const (
	maxGrowth   = 100
	growthFloor = 1 << 20
)

// Joined is a header that may stand on several lines as the one value that they are, by RFC 9110, 5.3.
func Joined(lines [][]byte) []byte {
	if len(lines) == 1 {
		return lines[0]
	}
	return bytes.Join(lines, []byte(", "))
}

// ParseEncoding reads a Content-Encoding. Error: UnsupportedEncoding.
func ParseEncoding(value []byte) (Encoding, error) {
	switch string(bytes.ToLower(value)) {
	case "", "identity":
		return Identity, nil
	case "gzip", "x-gzip":
		return Gzip, nil
	case "zstd":
		return Zstd, nil
	case "snappy", "x-snappy-framed":
		return Snappy, nil
	}
	return Identity, &Error{
		Code:   UnsupportedEncoding,
		Detail: fmt.Sprintf("Content-Encoding %.40q is not supported; send one of %s", value, Encodings),
	}
}

// decompress puts the decoded body in the place of the received one. Its room is reserved before it is used; while a body
// of unknown size grows, the old room and the new one are held together.
//
// Errors: InvalidCompression, DecompressedTooLarge, InFlightLimit.
func (r *Request) decompress(e Encoding) error {
	d := &decompression{request: r, source: *r.body, limit: r.ingest.limits.Decompressed}
	d.most = min(d.limit, max(growthFloor, maxGrowth*r.received))
	var err error
	switch e {
	case Gzip:
		err = d.gzip()
	case Zstd:
		err = d.zstd()
	case Snappy:
		err = d.snappy()
	}
	if err != nil {
		d.giveBack()
		return err
	}
	r.ingest.buffers.put(r.body)
	r.unreserve(r.received)
	r.body = d.out
	return nil
}

// decompression is one body on its way.
type decompression struct {
	request *Request
	source  []byte
	limit   int64 // of the configuration
	most    int64 // that this body may become
	out     *[]byte
	room    int64 // reserved for out
}

// make provides room for n bytes, and keeps what is there already.
func (d *decompression) make(n int64) error {
	r := d.request
	if err := r.reserve(n); err != nil {
		return err
	}
	larger := r.ingest.buffers.get(n)
	if d.out != nil {
		copy(*larger, *d.out)
		d.giveBack()
	}
	d.out, d.room = larger, n
	return nil
}

func (d *decompression) giveBack() {
	d.request.ingest.buffers.put(d.out)
	d.request.unreserve(d.room)
	d.out, d.room = nil, 0
}

// cut ends the body after n bytes.
func (d *decompression) cut(n int64) {
	*d.out = (*d.out)[:n]
	d.request.unreserve(d.room - n)
	d.room = n
}

// guess is the room that a body of unknown size gets at first.
func (d *decompression) guess() int64 { return d.step(max(4*int64(len(d.source)), firstChunk)) }

// step is the room to take where n bytes would do for now: all that there may be, where that would find no room beside n.
func (d *decompression) step(n int64) int64 {
	if all := d.most + 1; n > all || d.request.reserved-d.room+n+all > d.request.ingest.limits.InFlight {
		return all
	}
	return n
}

// read takes all that a stream yields, and one byte more than it may: that byte tells.
func (d *decompression) read(name string, stream io.Reader) error {
	if err := d.make(d.guess()); err != nil {
		return err
	}
	for n := int64(0); ; {
		got, err := stream.Read((*d.out)[n:])
		n += int64(got)
		switch {
		case n > d.most:
			return d.tooLarge(n)
		case err == io.EOF:
			d.cut(n)
			return nil
		case err != nil:
			return notCompressed(name, err)
		}
		if n == d.room {
			if err := d.make(d.step(2 * n)); err != nil {
				return err
			}
		}
	}
}

var gzipReaders = sync.Pool{New: func() any { return new(gzip.Reader) }}

func (d *decompression) gzip() error {
	stream := gzipReaders.Get().(*gzip.Reader)
	defer gzipReaders.Put(stream)
	if err := stream.Reset(bytes.NewReader(d.source)); err != nil {
		return notCompressed("gzip", err)
	}
	return d.read("gzip", stream)
}

// framed is how a snappy stream begins.
const framed = "\xff\x06\x00\x00sNaPpY"

var snappyReaders = sync.Pool{New: func() any { return s2.NewReader(nil, s2.ReaderMaxBlockSize(64<<10)) }}

func (d *decompression) snappy() error {
	if bytes.HasPrefix(d.source, []byte(framed)) {
		stream := snappyReaders.Get().(*s2.Reader)
		defer snappyReaders.Put(stream)
		stream.Reset(bytes.NewReader(d.source))
		return d.read("snappy", stream)
	}
	size, err := s2.DecodedLen(d.source)
	if err != nil {
		return notCompressed("snappy", err)
	}
	if int64(size) > d.most {
		return d.tooLarge(int64(size))
	}
	if err := d.make(int64(size)); err != nil {
		return err
	}
	if _, err := s2.Decode(*d.out, d.source); err != nil {
		return notCompressed("snappy", err)
	}
	return nil
}

func (d *decompression) tooLarge(size int64) error {
	detail := fmt.Sprintf("the body has at least %d bytes once decompressed, the limit is %d; send it in several requests", size, d.most)
	if d.most < d.limit {
		detail = fmt.Sprintf("the body of %d bytes grows to at least %d bytes, more than %d times its size; send it less compressed, or in "+
			"several requests", len(d.source), size, maxGrowth)
	}
	return &Error{Code: DecompressedTooLarge, Limit: d.most, Size: size, Detail: detail}
}

func notCompressed(name string, cause error) error {
	return &Error{
		Code: InvalidCompression, Cause: cause,
		Detail: fmt.Sprintf("the body is not valid %s, as Content-Encoding says, or is cut off: %v", name, cause),
	}
}
