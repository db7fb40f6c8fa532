// Package format gives objects their form: today how their bytes are compressed.
//
// An object is compressed in chunks, each without knowledge of the others. An open object therefore holds finished
// chunks and one uncompressed tail, but no compressor: with 10,000 objects open that is the difference between
// a tail and most of a megabyte for each.
package format

import (
	"fmt"
	"io"
	"strings"
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
	ContentEncoding() string // of the object, in Firehose's words where it has the codec; empty if there is none

	// Chunk appends the compressed form of one chunk to dst and returns it. It keeps neither slice. A chunk may be
	// empty; below some 64 KiB the compression suffers.
	Chunk(dst, raw []byte) []byte

	// Wrap returns what stands before the first chunk and after the last one of an object with these totals.
	Wrap(t Totals) (head, tail []byte)

	// Decode reads the uncompressed bytes of a whole object from r. What it holds of them is bounded, whatever r says,
	// and damaged bytes are an error or other bytes. The reader it returns does not close r.
	Decode(r io.Reader) (io.ReadCloser, error)
}

// Totals describe an object's bytes.
type Totals struct {
	Bytes  int64  // uncompressed
	CRC32  uint32 // of the uncompressed bytes; IEEE polynomial
	Stored int64  // of all chunks, compressed
}

// codecs are all there are, in the order in which messages name them.
var codecs = []Codec{noneCodec{}, gzipCodec{}, zstdCodec{}, snappyCodec{}, hadoopSnappyCodec{}, zipCodec{}}

// Names are the compressions that ByName knows.
func Names() []string {
	names := make([]string, len(codecs))
	for i, codec := range codecs {
		names[i] = codec.Name()
	}
	return names
}

// ByName returns the codec of a stream's compression.
func ByName(name string) (Codec, error) {
	for _, codec := range codecs {
		if codec.Name() == name {
			return codec, nil
		}
	}
	return nil, fmt.Errorf("compression %q is unknown: choose one of %s", name, strings.Join(Names(), ", "))
}
