package buffer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/s2"
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

// ErrDamaged is wrapped by every error about bytes that are not what was written.
var ErrDamaged = errors.New("damaged block")

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

// Builder packs records into one block at a time. The zero value is ready.
type Builder struct {
	block []byte // room for the header, and the payload
	base  int64
	count int
}

// Add appends a record. The bytes are copied.
func (w *Builder) Add(record []byte, arrival int64) {
	if w.count == 0 {
		w.block = slices.Grow(w.block[:0], HeaderSize)[:HeaderSize]
		w.base = arrival
	}
	w.block = binary.AppendUvarint(w.block, uint64(len(record)))
	w.block = binary.AppendVarint(w.block, arrival-w.base)
	w.block = append(w.block, record...)
	w.count++
}

// Len is the size of the payload so far, Count its records, Arrival that of the first.
func (w *Builder) Len() int       { return max(len(w.block)-HeaderSize, 0) }
func (w *Builder) Count() int     { return w.count }
func (w *Builder) Arrival() int64 { return w.base }

// Reset empties the builder and keeps its memory.
func (w *Builder) Reset() { w.block, w.count = w.block[:0], 0 }

// Encode returns the block that begins at first, in memory of its own and no more than it needs, compressed where that
// makes it smaller.
func (w *Builder) Encode(lane LaneID, first Seq) []byte {
	return w.EncodeSealed(lane, first, nil)
}

// EncodeSealed is Encode with a data key, unless that is nil.
func (w *Builder) EncodeSealed(lane LaneID, first Seq, key *DataKey) []byte {
	block := w.Pack(true, lane, key)
	Place(block, lane, first, w.base)
	return block
}

// Pack returns the block but for its place in its lane, in memory of its own and no more than it needs. With compress its
// payload is compressed, where that makes it smaller; with a key it is encrypted. The block is whole once Place has
// completed it.
func (w *Builder) Pack(compress bool, lane LaneID, key *DataKey) []byte {
	if !compress {
		return w.pack(w.block, codecNone, lane, key)
	}
	scratch := scratches.Get().(*[]byte)
	defer scratches.Put(scratch)
	payload := w.block[HeaderSize:]
	*scratch = slices.Grow((*scratch)[:0], HeaderSize+s2.MaxEncodedLen(len(payload)))
	out := (*scratch)[:cap(*scratch)]
	stored := len(s2.Encode(out[HeaderSize:], payload))
	if stored >= len(payload) {
		return w.pack(w.block, codecNone, lane, key)
	}
	return w.pack(out[:HeaderSize+stored], codecS2, lane, key)
}

// pack fills in the header's part that is known before the block has a place.
func (w *Builder) pack(plain []byte, codec byte, lane LaneID, key *DataKey) []byte {
	if key != nil {
		return w.seal(plain[HeaderSize:], codec, lane, key)
	}
	block := bytes.Clone(plain)
	clear(block[:HeaderSize])
	w.describe(block, plainFormat, codec, len(block)-HeaderSize)
	binary.LittleEndian.PutUint32(block[60:], checksum(block))
	return block
}

func (w *Builder) describe(block []byte, format, codec byte, stored int) {
	copy(block, Magic)
	block[4], block[6] = format, codec
	binary.LittleEndian.PutUint32(block[40:], uint32(w.count))
	binary.LittleEndian.PutUint32(block[52:], uint32(w.Len()))
	binary.LittleEndian.PutUint32(block[56:], uint32(stored))
}

// seal is pack for a block that is encrypted. The payload goes to the block's memory in its encrypted form only.
func (w *Builder) seal(payload []byte, codec byte, lane LaneID, key *DataKey) []byte {
	stored := len(payload) + sealedExtra
	block := make([]byte, HeaderSize, HeaderSize+stored)
	w.describe(block, sealedFormat, codec, stored)
	binary.LittleEndian.PutUint32(block[8:], uint32(key.ID))
	placeIn(block, lane)
	block = key.seal(block, payload, bound(block))
	binary.LittleEndian.PutUint32(block[60:], checksum(block))
	return block
}

// bound is what an encrypted payload's tag covers of its header: all but first sequence, arrival base and checksum.
func bound(block []byte) []byte {
	header := bytes.Clone(block[:HeaderSize])
	clear(header[32:40])
	clear(header[44:52])
	clear(header[60:64])
	return header
}

// Place completes a packed block: it lies at first in its lane, and arrival is the base of its records'. It does not read the
// payload.
func Place(block []byte, lane LaneID, first Seq, arrival int64) {
	before := crc32.Checksum(block[:HeaderSize-4], castagnoli)
	placeIn(block, lane)
	binary.LittleEndian.PutUint64(block[32:], uint64(first))
	binary.LittleEndian.PutUint64(block[44:], uint64(arrival))
	difference := before ^ crc32.Checksum(block[:HeaderSize-4], castagnoli)
	sum := binary.LittleEndian.Uint32(block[60:]) ^ behind(difference, len(block)-HeaderSize)
	binary.LittleEndian.PutUint32(block[60:], sum)
}

func placeIn(block []byte, lane LaneID) {
	copy(block[12:], lane.Stream[:])
	binary.LittleEndian.PutUint32(block[28:], lane.Number)
}

// scratches hold a block while it is made: fresh memory is dear.
var scratches = sync.Pool{New: func() any { return new([]byte) }}

// ParseHeader checks a block's bytes, the checksum included, and returns its header. Errors wrap ErrDamaged.
func ParseHeader(block []byte) (Header, error) {
	var h Header
	switch {
	case len(block) < HeaderSize:
		return h, fmt.Errorf("%w: %d bytes are no header", ErrDamaged, len(block))
	case string(block[:4]) != Magic:
		return h, fmt.Errorf("%w: wrong magic %q", ErrDamaged, block[:4])
	case block[4] != plainFormat && block[4] != sealedFormat:
		return h, fmt.Errorf("%w: format %d is not known to this version", ErrDamaged, block[4])
	}
	h = PeekHeader(block)
	switch {
	case h.StoredLen != len(block)-HeaderSize:
		return h, fmt.Errorf("%w: %d bytes of payload, the header says %d", ErrDamaged, len(block)-HeaderSize, h.StoredLen)
	case checksum(block) != h.Checksum:
		return h, fmt.Errorf("%w: wrong checksum", ErrDamaged)
	case (block[4] == sealedFormat) != (h.Key != 0):
		return h, fmt.Errorf("%w: format %d with data key %d", ErrDamaged, block[4], h.Key)
	case h.RawLen > maxBlockBytes || h.Count < 1 || h.Count > h.RawLen:
		return h, fmt.Errorf("%w: %d records in %d bytes", ErrDamaged, h.Count, h.RawLen)
	}
	return h, nil
}

// Block is a decoded block. Its zero value is ready to be read into, again and again; the records that it yields are
// good until the next read into it.
type Block struct {
	Header
	Version *Version // in force for every record of the block

	payload []byte
	memory  []byte // kept from read to read
	opened  []byte // the same, of what was encrypted and is compressed
}

// Record is one record of a block. Data is good until the block is read into again, and must not be changed.
type Record struct {
	Seq     Seq
	Arrival int64 // Unix milliseconds
	Data    []byte
}

// Decode opens the bytes of one block and keeps none of them. A block that is encrypted asks keys for its data key. Errors
// wrap ErrDamaged, or are a *DataKeyError: the block is whole then.
func (b *Block) Decode(data []byte, keys DataKeys) error {
	h, err := ParseHeader(data)
	if err != nil {
		return err
	}
	payload := data[HeaderSize:]
	if h.Key != 0 {
		if payload, err = b.open(data, h.Key, keys); err != nil {
			return err
		}
	}
	switch data[6] {
	case codecNone:
		b.memory = append(b.memory[:0], payload...)
	case codecS2:
		// Before memory is taken: a damaged length must not ask for more than the header allows.
		if n, err := s2.DecodedLen(payload); err != nil || n != h.RawLen {
			return fmt.Errorf("%w: payload of another length than the header says", ErrDamaged)
		}
		if b.memory, err = s2.Decode(b.memory[:cap(b.memory)], payload); err != nil {
			return fmt.Errorf("%w: %v", ErrDamaged, err)
		}
	default:
		return fmt.Errorf("%w: codec %d is not known to this version", ErrDamaged, data[6])
	}
	if len(b.memory) != h.RawLen {
		return fmt.Errorf("%w: payload of %d bytes, the header says %d", ErrDamaged, len(b.memory), h.RawLen)
	}
	b.Header, b.payload, b.Version = h, b.memory, nil
	return b.check()
}

// open decrypts a block's payload.
func (b *Block) open(data []byte, id DataKeyID, keys DataKeys) ([]byte, error) {
	if keys == nil {
		return nil, &DataKeyError{ID: id, Code: KeyNotFound, Reason: "no keys are given"}
	}
	key, err := keys.Key(id)
	if err != nil {
		return nil, err
	}
	b.opened, err = key.open(b.opened[:0], data[HeaderSize:], bound(data))
	return b.opened, err
}

// check walks the entries, so that Records need not doubt them.
func (b *Block) check() error {
	rest := b.payload
	for range b.Count {
		size, n := binary.Uvarint(rest)
		if n <= 0 {
			return fmt.Errorf("%w: entry without a length", ErrDamaged)
		}
		rest = rest[n:]
		if _, n = binary.Varint(rest); n <= 0 || size > uint64(len(rest)-n) {
			return fmt.Errorf("%w: entry of %d bytes passes the end", ErrDamaged, size)
		}
		rest = rest[n+int(size):]
	}
	if len(rest) > 0 {
		return fmt.Errorf("%w: %d bytes after the last entry", ErrDamaged, len(rest))
	}
	return nil
}

// Records yields the block's records in order.
func (b *Block) Records() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		rest, base := b.payload, b.Arrival.UnixMilli()
		for i := range b.Count {
			size, n := binary.Uvarint(rest)
			rest = rest[n:]
			delta, n := binary.Varint(rest)
			rest = rest[n:]
			if !yield(Record{Seq: b.First + Seq(i), Arrival: base + delta, Data: rest[:size:size]}) {
				return
			}
			rest = rest[size:]
		}
	}
}

// PeekHeader reads a header whose checksum was verified before, or covers a payload that is not at hand.
func PeekHeader(data []byte) Header {
	h := Header{Key: DataKeyID(binary.LittleEndian.Uint32(data[8:]))}
	copy(h.Lane.Stream[:], data[12:])
	h.Lane.Number = binary.LittleEndian.Uint32(data[28:])
	h.First = Seq(binary.LittleEndian.Uint64(data[32:]))
	h.Count = int(binary.LittleEndian.Uint32(data[40:]))
	h.Arrival = time.UnixMilli(int64(binary.LittleEndian.Uint64(data[44:])))
	h.RawLen = int(binary.LittleEndian.Uint32(data[52:]))
	h.StoredLen = int(binary.LittleEndian.Uint32(data[56:]))
	h.Checksum = binary.LittleEndian.Uint32(data[60:])
	return h
}
