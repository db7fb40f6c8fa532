package partitioner

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
)

// decompress fills s.decompressed.
func (s *splitter) decompress(record []byte) *refusal {
	if s.decompressed.Cap() > 1<<20 {
		s.decompressed = bytes.Buffer{}
	}
	s.decompressed.Reset()
	err := s.reader.Reset(bytes.NewReader(record))
	if err == nil {
		_, err = s.decompressed.ReadFrom(io.LimitReader(&s.reader, maxDecompressed+1))
	}
	switch {
	case err != nil: // whose text is the library's, and may be another in its next release
		return &refusal{DecompressionFailed, notGzip, "the record is not gzip, or damaged"}
	case s.decompressed.Len() > maxDecompressed:
		refused := refuse(tooLarge, "the record has more than %d bytes when it is decompressed", maxDecompressed)
		refused.kind = DecompressionFailed
		return refused
	}
	return nil
}

// storeGzip is data as a gzip stream that is not compressed: the same bytes from every release of every compressor.
func storeGzip(data []byte) []byte {
	const most = math.MaxUint16 // bytes of a stored block
	out := make([]byte, 0, len(data)+5*(1+len(data)/most)+18)
	out = append(out, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255)
	for rest := data; ; {
		size := min(len(rest), most)
		last := byte(0)
		if size == len(rest) {
			last = 1
		}
		out = append(out, last)
		out = binary.LittleEndian.AppendUint16(out, uint16(size))
		out = binary.LittleEndian.AppendUint16(out, ^uint16(size))
		out = append(out, rest[:size]...)
		if rest = rest[size:]; last == 1 {
			break
		}
	}
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(data))
	return binary.LittleEndian.AppendUint32(out, uint32(len(data)))
}
