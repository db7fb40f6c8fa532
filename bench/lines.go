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

// Decompress reads objects of every compression that delivery knows. Where the standard library has a decoder it uses that,
// not the one that delivery is built with: an error of the encoder's is not hidden by the same error of its decoder.
func Decompress(object io.Reader) (io.ReadCloser, error) {
	reader := bufio.NewReaderSize(object, 64<<10)
	head, err := reader.Peek(longestMagic)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	begins := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	switch {
	case begins(gzipMagic):
		return gzip.NewReader(reader)
	case begins(zstdMagic):
		return readZstd(reader)
	case begins(zipMagic):
		return readZip(reader)
	case begins(snappyHeader):
		return readSnappy(reader), nil
	case isHadoopSnappy(head):
		return readHadoopSnappy(reader), nil
	case begins(framedSnappy), begins(parquetMagic):
		return nil, errors.New("it is Parquet, or snappy in its framing format: neither is read")
	}
	return io.NopCloser(reader), nil
}
