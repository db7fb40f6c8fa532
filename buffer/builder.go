package buffer

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
)

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
	binary.LittleEndian.PutUint32(block[atChecksum:], checksum(block))
	return block
}

func (w *Builder) describe(block []byte, format, codec byte, stored int) {
	copy(block, Magic)
	block[atFormat], block[atCodec] = format, codec
	binary.LittleEndian.PutUint32(block[atCount:], uint32(w.count))
	binary.LittleEndian.PutUint32(block[atRawLen:], uint32(w.Len()))
	binary.LittleEndian.PutUint32(block[atStoredLen:], uint32(stored))
}

// seal is pack for a block that is encrypted. The payload goes to the block's memory in its encrypted form only.
func (w *Builder) seal(payload []byte, codec byte, lane LaneID, key *DataKey) []byte {
	stored := len(payload) + sealedExtra
	block := make([]byte, HeaderSize, HeaderSize+stored)
	w.describe(block, sealedFormat, codec, stored)
	binary.LittleEndian.PutUint32(block[atKey:], uint32(key.ID))
	placeIn(block, lane)
	block = key.seal(block, payload, bound(block))
	binary.LittleEndian.PutUint32(block[atChecksum:], checksum(block))
	return block
}

// scratches hold a block while it is made: fresh memory is dear.
var scratches = sync.Pool{New: func() any { return new([]byte) }}
