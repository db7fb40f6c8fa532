// Package format gives objects their form: today how their bytes are compressed.
//
// An object is compressed in chunks, each without knowledge of the others. An open object therefore holds finished
// chunks and one uncompressed tail, but no compressor: with 10,000 objects open that is the difference between
// a tail and most of a megabyte for each.
package format

import (
	"fmt"
	"io"
)

// Codec turns an object's uncompressed bytes, cut into chunks, into its compressed form:
//
//	head, Chunk(first), ..., Chunk(last), tail
//
// How the bytes are cut does not change what they decode to. A codec is stateless and safe for concurrent use; chunks
// of one object may be compressed by different goroutines.
type Codec interface {
	Name() string            // as the configuration writes it
	Extension() string       // of the object's key, with its dot; empty if there is none
	ContentEncoding() string // as HTTP names it; empty if there is none

	// Chunk appends the compressed form of one chunk to dst and returns it. It keeps neither slice. A chunk may be
	// empty; below some 64 KiB the compression suffers.
	Chunk(dst, raw []byte) []byte

	// Wrap returns what stands before the first chunk and after the last one of an object with these totals.
	Wrap(t Totals) (head, tail []byte)

	// Decode reads the uncompressed bytes of a whole object from r. The reader it returns does not close r.
	Decode(r io.Reader) (io.ReadCloser, error)
}

// Totals describe an object's uncompressed bytes.
type Totals struct {
	Bytes int64
	CRC32 uint32 // IEEE polynomial
}

// ByName returns the codec of a stream's compression: "none" or "gzip".
func ByName(name string) (Codec, error) {
	switch name {
	case noneCodec{}.Name():
		return noneCodec{}, nil
	case gzipCodec{}.Name():
		return gzipCodec{}, nil
	}
	return nil, fmt.Errorf("compression %q is unknown: choose none or gzip", name)
}
