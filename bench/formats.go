package bench

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// The beginnings of objects by which their compression is known, whatever their keys say.
const (
	gzipMagic    = "\x1f\x8b"
	zstdMagic    = "\x28\xb5\x2f\xfd"
	snappyHeader = "\x82SNAPPY\x00" + "\x00\x00\x00\x01" + "\x00\x00\x00\x01" // of snappy-java, version 1
	zipMagic     = "PK\x03\x04"
	framedSnappy = "\xff\x06\x00\x00sNaPpY"
	parquetMagic = "PAR1"
)

const longestMagic = 16

// isHadoopSnappy knows Hadoop's snappy blocks, which have no magic number: an uncompressed length that the block behind it
// names again. No text begins with a zero.
func isHadoopSnappy(head []byte) bool {
	if len(head) < 9 || head[0] != 0 {
		return false
	}
	length, n := binary.Uvarint(head[8:])
	return n > 0 && length > 0 && length == uint64(binary.BigEndian.Uint32(head))
}

func readZstd(object io.Reader) (io.ReadCloser, error) {
	decoder, err := zstd.NewReader(object, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return nil, err
	}
	return decoder.IOReadCloser(), nil
}

// readZip reads an archive's only entry. The archive begins at its end, so it is kept in a file meanwhile.
func readZip(object io.Reader) (io.ReadCloser, error) {
	file, err := os.CreateTemp("", "hydrant-verify-*.zip")
	if err != nil {
		return nil, err
	}
	archive := &zipObject{file: file}
	if err := archive.open(object); err != nil {
		return nil, errors.Join(err, archive.Close())
	}
	return archive, nil
}

type zipObject struct {
	file  *os.File
	entry io.ReadCloser // nil until it is open
}

func (z *zipObject) open(object io.Reader) error {
	size, err := io.Copy(z.file, object)
	if err != nil {
		return err
	}
	archive, err := zip.NewReader(z.file, size)
	if err != nil {
		return err
	}
	if n := len(archive.File); n != 1 {
		return fmt.Errorf("it is a zip archive of %d entries, not of one", n)
	}
	if err := z.endsAt(size); err != nil {
		return err
	}
	z.entry, err = archive.File[0].Open()
	return err
}

// endsAt sees to it that nothing follows the archive, which the library would pass over.
func (z *zipObject) endsAt(size int64) error {
	const record = 22 // the last one, without a comment
	end := make([]byte, record)
	if _, err := z.file.ReadAt(end, size-record); err != nil {
		return err
	}
	if !bytes.HasPrefix(end, []byte("PK\x05\x06")) {
		return errors.New("something follows the zip archive")
	}
	return nil
}

func (z *zipObject) Read(p []byte) (int, error) { return z.entry.Read(p) }

func (z *zipObject) Close() error {
	err := errors.Join(z.file.Close(), os.Remove(z.file.Name()))
	if z.entry != nil {
		err = errors.Join(z.entry.Close(), err)
	}
	return err
}

// readSnappy reads snappy-java's stream.
func readSnappy(object *bufio.Reader) io.ReadCloser {
	_, _ = object.Discard(len(snappyHeader)) // it was peeked at
	return io.NopCloser(&snappyBlocks{source: object})
}

// readHadoopSnappy reads Hadoop's blocks, one behind each uncompressed length.
func readHadoopSnappy(object *bufio.Reader) io.ReadCloser {
	return io.NopCloser(&snappyBlocks{source: object, hadoop: true})
}

// snappyBlocks decodes blocks behind their lengths, one at a time.
type snappyBlocks struct {
	source io.Reader
	hadoop bool // the uncompressed length comes before the compressed one
	packed []byte
	plain  []byte
	rest   bytes.Reader
}

// largestBlock is more than delivery puts into one.
const largestBlock = 1 << 20

func (b *snappyBlocks) Read(p []byte) (int, error) {
	for b.rest.Len() == 0 {
		if err := b.next(); err != nil {
			return 0, err
		}
	}
	return b.rest.Read(p)
}

func (b *snappyBlocks) next() error {
	var lengths [8]byte // uncompressed, compressed
	present := lengths[4:]
	if b.hadoop {
		present = lengths[:]
	}
	if _, err := io.ReadFull(b.source, present); err != nil {
		return err // io.EOF only where a block ends
	}
	size := binary.BigEndian.Uint32(lengths[4:])
	if size > largestBlock {
		return fmt.Errorf("it has a snappy block of %d bytes", size)
	}
	if uint32(cap(b.packed)) < size {
		b.packed = make([]byte, size)
	}
	b.packed = b.packed[:size]
	if _, err := io.ReadFull(b.source, b.packed); err != nil {
		return fmt.Errorf("it ends within a snappy block: %w", err)
	}
	return b.unpack(binary.BigEndian.Uint32(lengths[:]))
}

// unpack decodes the block. Hadoop's uncompressed length must be its own.
func (b *snappyBlocks) unpack(want uint32) error {
	length, err := s2.DecodedLen(b.packed)
	if err != nil {
		return err
	}
	if length > largestBlock || b.hadoop && uint32(length) != want {
		return fmt.Errorf("it has a snappy block that claims to hold %d bytes", length)
	}
	if b.plain, err = s2.Decode(b.plain[:cap(b.plain)], b.packed); err != nil {
		return err
	}
	b.rest.Reset(b.plain)
	return nil
}
