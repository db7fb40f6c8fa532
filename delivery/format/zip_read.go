package format

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
)

// Decode reads only archives that Wrap made. Once the entry is read, everything around it is known to the byte, and must
// be so.
func (zipCodec) Decode(r io.Reader) (io.ReadCloser, error) {
	z := &zipReader{counter: byteCounter{reader: r}}
	z.source = bufio.NewReader(&z.counter)
	if err := z.readHead(); err != nil {
		return nil, fmt.Errorf("read the header of a zip archive: %w", unexpected(err))
	}
	z.entry = flate.NewReader(z.source) // reads no byte behind the entry, since the source gives single ones
	return z, nil
}

// zipReader decodes an archive's entry, and at its end the rest of the archive.
type zipReader struct {
	counter byteCounter
	source  *bufio.Reader
	head    []byte
	entry   io.ReadCloser
	bytes   int64
	crc     uint32
	err     error
}

var errZip = errors.New("the zip archive does not hold what it says it holds")

func (z *zipReader) readHead() error {
	z.head = make([]byte, zipHeaderSize+zipNameSize, zipHeaderSize+zipNameSize+zip64ExtraSize)
	if _, err := io.ReadFull(z.source, z.head); err != nil {
		return err
	}
	if binary.LittleEndian.Uint16(z.head[4:]) != zip64Version {
		return nil
	}
	z.head = z.head[:cap(z.head)]
	_, err := io.ReadFull(z.source, z.head[zipHeaderSize+zipNameSize:])
	return err
}

func (z *zipReader) Read(p []byte) (int, error) {
	if z.err != nil {
		return 0, z.err
	}
	n, err := z.entry.Read(p)
	z.bytes += int64(n)
	z.crc = crc32.Update(z.crc, crc32.IEEETable, p[:n])
	if errors.Is(err, io.EOF) {
		err = z.readTail()
	}
	z.err = err
	return n, err
}

// readTail compares what stands around the entry with what must stand there. It returns io.EOF if all is well.
func (z *zipReader) readTail() error {
	read := z.counter.bytes - int64(z.source.Buffered())
	stored := read - int64(len(z.head)) - int64(len(deflateEnd))
	head, tail := zipCodec{}.Wrap(Totals{Bytes: z.bytes, CRC32: z.crc, Stored: stored})
	rest, err := io.ReadAll(io.LimitReader(z.source, int64(len(tail))))
	if err != nil {
		return err
	}
	if !bytes.Equal(z.head, head) || !bytes.Equal(rest, tail[len(deflateEnd):]) {
		return errZip
	}
	return io.EOF
}

func (z *zipReader) Close() error { return z.entry.Close() }

// byteCounter counts what is read through it.
type byteCounter struct {
	reader io.Reader
	bytes  int64
}

func (c *byteCounter) Read(p []byte) (int, error) {
	n, err := c.reader.Read(p)
	c.bytes += int64(n)
	return n, err
}
