package bench

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// longestLine is far above what a record of the largest size takes in base64.
const longestLine = 16 << 20

var (
	errUnterminated = errors.New("it ends within a record")
	errLongLine     = fmt.Errorf("it has a line of more than %d bytes", longestLine)
)

// lines reads an object line by line.
type lines struct {
	reader *bufio.Reader
	long   []byte // scratch for lines longer than the reader's buffer
}

// next returns a line without its line feed, good until the next call. At the end it is io.EOF; a last line without a
// line feed comes with errUnterminated.
func (l *lines) next() ([]byte, error) {
	line, err := l.reader.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return endLine(line, err)
	}
	l.long = append(l.long[:0], line...)
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(l.long) > longestLine {
			return nil, errLongLine
		}
		line, err = l.reader.ReadSlice('\n')
		l.long = append(l.long, line...)
	}
	return endLine(l.long, err)
}

func endLine(line []byte, err error) ([]byte, error) {
	if errors.Is(err, io.EOF) && len(line) > 0 {
		return line, errUnterminated
	}
	return bytes.TrimSuffix(line, []byte("\n")), err
}

// unreadable are the magic numbers of what delivery may write and verify does not read.
var unreadable = []struct{ magic, name string }{
	{"\x28\xb5\x2f\xfd", "zstd"},
	{"\x82SNAPPY\x00", "snappy"},
	{"\xff\x06\x00\x00sNaPpY", "snappy"},
	{"PK\x03\x04", "zip"},
	{"PAR1", "Parquet"},
}

// decompress reads gzip and uncompressed objects. It uses the standard library's decoder, not the one that delivery is
// built with: an error of the encoder's is not hidden by the same error of its decoder.
func decompress(object io.Reader) (io.Reader, error) {
	reader := bufio.NewReaderSize(object, 64<<10)
	head, err := reader.Peek(10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if bytes.HasPrefix(head, []byte("\x1f\x8b")) {
		return gzip.NewReader(reader)
	}
	for _, format := range unreadable {
		if bytes.HasPrefix(head, []byte(format.magic)) {
			return nil, fmt.Errorf("it is %s: verify reads gzip and uncompressed objects", format.name)
		}
	}
	return reader, nil
}
