package s3

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"hydrant/delivery"
)

// reader reads a body's pieces one after the other, without putting them together, and can start again anywhere.
type reader struct {
	body   delivery.Body
	size   int64
	offset int64
	piece  int // that the next byte is in
	within int // bytes of that piece already read
}

func newReader(body delivery.Body) *reader {
	r := &reader{body: body}
	for _, piece := range body {
		r.size += int64(len(piece))
	}
	return r
}

func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	var n int
	for n < len(p) && r.piece < len(r.body) {
		rest := r.body[r.piece][r.within:]
		copied := copy(p[n:], rest)
		n += copied
		r.within += copied
		if copied == len(rest) {
			r.piece, r.within = r.piece+1, 0
		}
	}
	r.offset += int64(n)
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (r *reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return r.offset, errors.New("seek before the start of the body")
	}
	r.offset, r.piece, r.within = offset, 0, 0
	for r.piece < len(r.body) && offset >= int64(len(r.body[r.piece])) {
		offset -= int64(len(r.body[r.piece]))
		r.piece++
	}
	if r.piece < len(r.body) {
		r.within = int(offset)
	}
	return r.offset, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is the body's CRC-32C as S3 writes it.
func checksum(body delivery.Body) string {
	var sum uint32
	for _, piece := range body {
		sum = crc32.Update(sum, castagnoli, piece)
	}
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}
