package format

import (
	"encoding/binary"
	"io"
	"slices"
)

// snappyCodec is Firehose's Snappy: the stream of the library snappy-java (xerial), not Snappy's own framing format. A
// header is followed by blocks, each behind its compressed length. There is no checksum, and no end: a stream cut between
// two blocks reads as a shorter one.
type snappyCodec struct{}

// snappyBlockSize is snappy-java's own.
const snappyBlockSize = 32 << 10

// snappyHeader has a magic number, the version, and the oldest version that can read it.
const snappyHeader = "\x82SNAPPY\x00" + "\x00\x00\x00\x01" + "\x00\x00\x00\x01"

func (snappyCodec) Name() string            { return "snappy" }
func (snappyCodec) Extension() string       { return ".snappy" }
func (snappyCodec) ContentEncoding() string { return "snappy-java" }

func (snappyCodec) Chunk(dst, raw []byte) []byte {
	for block := range slices.Chunk(raw, snappyBlockSize) {
		dst = appendSnappy(dst, block)
	}
	return dst
}

func (snappyCodec) Wrap(Totals) (head, tail []byte) { return []byte(snappyHeader), nil }

func (snappyCodec) Decode(r io.Reader) (io.ReadCloser, error) {
	blocks := newSnappyReader(r)
	if err := blocks.expect(snappyHeader); err != nil {
		return nil, err
	}
	return blocks, nil
}

// hadoopSnappyCodec is Firehose's HADOOP_SNAPPY: what Hadoop's BlockCompressorStream writes. Each block is behind its
// length, and the length of its compressed form. As above there is no checksum and no end.
type hadoopSnappyCodec struct{}

// hadoopBlockSize stays below 5/6 of the buffer that Hadoop's reader has for a block, compressed or not: it is 256 KiB
// (io.compression.codec.snappy.buffersize) if nobody made it smaller.
const hadoopBlockSize = 128 << 10

func (hadoopSnappyCodec) Name() string            { return "hadoop-snappy" }
func (hadoopSnappyCodec) Extension() string       { return ".snappy" } // as the service does; AWS's guide says .hsnappy
func (hadoopSnappyCodec) ContentEncoding() string { return "hadoop-snappy" }

func (hadoopSnappyCodec) Chunk(dst, raw []byte) []byte {
	for block := range slices.Chunk(raw, hadoopBlockSize) {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(block)))
		dst = appendSnappy(dst, block)
	}
	return dst
}

func (hadoopSnappyCodec) Wrap(Totals) (head, tail []byte) { return nil, nil }

func (hadoopSnappyCodec) Decode(r io.Reader) (io.ReadCloser, error) {
	blocks := newSnappyReader(r)
	blocks.grouped = true
	return blocks, nil
}
