package buffer

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/klauspost/compress/s2"
)

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
	switch data[atCodec] {
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
		return fmt.Errorf("%w: codec %d is not known to this version", ErrDamaged, data[atCodec])
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
