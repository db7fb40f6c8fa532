package buffer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// A block is the unit of checksum, compression and reading. Its bytes, little endian:
//
//	offset size
//	     0    4  magic "HYB1"
//	     4    1  format version, 1; 2 where the payload is encrypted
//	     5    1  flags, 0
//	     6    1  codec of the payload: 0 none, 1 s2
//	     7    1  0
//	     8    4  id of the data key that the payload is encrypted with, 0 for none
//	    12   16  stream incarnation
//	    28    4  lane
//	    32    8  first sequence
//	    40    4  count of records
//	    44    8  arrival base, Unix milliseconds
//	    52    4  length of the payload before the codec
//	    56    4  length of the payload as stored
//	    60    4  CRC-32C of the 60 bytes before and the stored payload
//	    64       payload
//
// The payload is one entry a record: uvarint length, varint arrival minus the base in milliseconds, the record's bytes.
// It is compressed first and then encrypted: 24 bytes of nonce, the ciphertext, 16 bytes of tag. The tag covers the header
// too, but for what is not known when a block is packed: its first sequence, its arrival base and the checksum.
const (
	HeaderSize = 64

	// Magic begins every block.
	Magic = "HYB1"

	plainFormat   = 1
	sealedFormat  = 2
	codecNone     = 0
	codecS2       = 1
	maxBlockBytes = 1 << 30
)

// Where the header's fields begin.
const (
	atFormat    = 4
	atCodec     = 6
	atKey       = 8
	atStream    = 12
	atLane      = 28
	atFirst     = 32
	atCount     = 40
	atArrival   = 44
	atRawLen    = 52
	atStoredLen = 56
	atChecksum  = 60
)

// Header is what a block says about itself before its payload is opened.
type Header struct {
	Lane      LaneID
	Key       DataKeyID // that the payload is encrypted with
	First     Seq
	Count     int
	Arrival   time.Time // the base: not later than the block's first record, to the millisecond
	RawLen    int       // bytes of the payload before the codec
	StoredLen int       // bytes of the payload as stored
	Checksum  uint32    // of the header and the stored payload
}

// Last is the sequence of the block's last record.
func (h Header) Last() Seq { return h.First + Seq(h.Count) - 1 }

// ErrDamaged is wrapped by every error about bytes that are not what was written.
var ErrDamaged = errors.New("damaged block")

// Place completes a packed block: it lies at first in its lane, and arrival is the base of its records'. It does not read the
// payload.
func Place(block []byte, lane LaneID, first Seq, arrival int64) {
	before := crc32.Checksum(block[:atChecksum], castagnoli)
	placeIn(block, lane)
	binary.LittleEndian.PutUint64(block[atFirst:], uint64(first))
	binary.LittleEndian.PutUint64(block[atArrival:], uint64(arrival))
	difference := before ^ crc32.Checksum(block[:atChecksum], castagnoli)
	sum := binary.LittleEndian.Uint32(block[atChecksum:]) ^ behind(difference, len(block)-HeaderSize)
	binary.LittleEndian.PutUint32(block[atChecksum:], sum)
}

func placeIn(block []byte, lane LaneID) {
	copy(block[atStream:], lane.Stream[:])
	binary.LittleEndian.PutUint32(block[atLane:], lane.Number)
}

// bound is what an encrypted payload's tag covers of its header: all but first sequence, arrival base and checksum.
func bound(block []byte) []byte {
	header := bytes.Clone(block[:HeaderSize])
	clear(header[atFirst:atCount])
	clear(header[atArrival:atRawLen])
	clear(header[atChecksum:])
	return header
}

// ParseHeader checks a block's bytes, the checksum included, and returns its header. Errors wrap ErrDamaged.
func ParseHeader(block []byte) (Header, error) {
	var h Header
	switch {
	case len(block) < HeaderSize:
		return h, fmt.Errorf("%w: %d bytes are no header", ErrDamaged, len(block))
	case string(block[:4]) != Magic:
		return h, fmt.Errorf("%w: wrong magic %q", ErrDamaged, block[:4])
	case block[atFormat] != plainFormat && block[atFormat] != sealedFormat:
		return h, fmt.Errorf("%w: format %d is not known to this version", ErrDamaged, block[atFormat])
	}
	h = PeekHeader(block)
	switch {
	case h.StoredLen != len(block)-HeaderSize:
		return h, fmt.Errorf("%w: %d bytes of payload, the header says %d", ErrDamaged, len(block)-HeaderSize, h.StoredLen)
	case checksum(block) != h.Checksum:
		return h, fmt.Errorf("%w: wrong checksum", ErrDamaged)
	case (block[atFormat] == sealedFormat) != (h.Key != 0):
		return h, fmt.Errorf("%w: format %d with data key %d", ErrDamaged, block[atFormat], h.Key)
	case h.RawLen > maxBlockBytes || h.Count < 1 || h.Count > h.RawLen:
		return h, fmt.Errorf("%w: %d records in %d bytes", ErrDamaged, h.Count, h.RawLen)
	}
	return h, nil
}

// PeekHeader reads a header whose checksum was verified before, or covers a payload that is not at hand.
func PeekHeader(data []byte) Header {
	h := Header{Key: DataKeyID(binary.LittleEndian.Uint32(data[atKey:]))}
	copy(h.Lane.Stream[:], data[atStream:])
	h.Lane.Number = binary.LittleEndian.Uint32(data[atLane:])
	h.First = Seq(binary.LittleEndian.Uint64(data[atFirst:]))
	h.Count = int(binary.LittleEndian.Uint32(data[atCount:]))
	h.Arrival = time.UnixMilli(int64(binary.LittleEndian.Uint64(data[atArrival:])))
	h.RawLen = int(binary.LittleEndian.Uint32(data[atRawLen:]))
	h.StoredLen = int(binary.LittleEndian.Uint32(data[atStoredLen:]))
	h.Checksum = binary.LittleEndian.Uint32(data[atChecksum:])
	return h
}
