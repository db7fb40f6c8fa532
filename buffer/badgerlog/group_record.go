package badgerlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/s2"

	"hydrant/buffer"
)

// A group is what one sync commits. Beside its blocks it holds one group record, which is a link of the node-wide chain,
// lists the group's blocks, and carries every change of state that the group makes. Its bytes, little endian:
//
//	offset size
//	     0    4  magic "HYG1"
//	     4    1  format version, 1
//	     5    1  codec of the body: 0 none, 1 s2
//	     6    2  0
//	     8    8  group number, rising
//	    16    8  XXH64 of the record of the group before; 0 for the first group of a log
//	    24    4  length of the body before the codec
//	    28    4  length of the body as stored
//	    32    4  CRC-32C of the 32 bytes before and the stored body
//	    36       body
//
// The body is: uvarint count of blocks, each {header of the block, 64 bytes}; uvarint count of changes, each {kind,
// 1 byte; deleted, 1 byte; stream, 16 bytes; lane, 4 bytes; uvarint length and bytes of the key; the same of the value}.
const (
	groupMagic      = "HYG1"
	groupFormat     = 1
	groupHeaderSize = 36
	maxGroupBody    = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// kind says whose state a change is.
type kind byte

const (
	kindStream  kind = 1 // key empty; the value is the stream's name
	kindVersion kind = 2 // key: number, 8 bytes big endian; value: see encodeVersion
	kindCursor  kind = 3 // key empty; value: 8 bytes
	kindHead    kind = 4 // key empty; value: see encodeHead
	kindEntry   kind = 5 // a lane's own entry, as given to Commit
	kindKeys    kind = 6 // of no lane, key empty; value: see appendKeys

	kindDamage  kind = 16 // key: From, 8 bytes big endian; value: buffer.Damage as JSON. Of logLane: a range of groups
	kindDropped kind = 17 // of logLane, key empty; value: number and hash of the last group that was dropped, 8 bytes each
)

// stateKey names one piece of state.
type stateKey struct {
	kind kind
	lane buffer.LaneID
	key  string
}

// change puts a piece of state, or deletes it.
type change struct {
	stateKey
	value   []byte
	deleted bool
}

// groupRecord is a group record's content.
type groupRecord struct {
	number   uint64
	previous uint64   // hash of the record before
	blocks   [][]byte // headers, buffer.HeaderSize bytes each
	changes  []change
}

// recordMemory is where group records are made, one after the other.
type recordMemory struct{ body, out []byte }

// keepRecord is what a recordMemory keeps from record to record, in bytes.
const keepRecord = 1 << 20

// bound lets go of what a rare large record took.
func (m *recordMemory) bound() {
	if cap(m.out) > keepRecord {
		*m = recordMemory{}
	}
}

// encode returns the record's bytes, which are good until the next use of m.
func (g *groupRecord) encode(m *recordMemory) []byte {
	body := binary.AppendUvarint(m.body[:0], uint64(len(g.blocks)))
	for _, header := range g.blocks {
		body = append(body, header...)
	}
	body = binary.AppendUvarint(body, uint64(len(g.changes)))
	for i := range g.changes {
		body = g.changes[i].append(body)
	}

	m.body = body
	m.out = slices.Grow(m.out[:0], groupHeaderSize+s2.MaxEncodedLen(len(body)))
	out := m.out[:cap(m.out)]
	clear(out[:groupHeaderSize])
	codec, stored := byte(1), len(s2.Encode(out[groupHeaderSize:], body))
	if stored >= len(body) {
		codec, stored = 0, copy(out[groupHeaderSize:], body)
	}
	out = out[:groupHeaderSize+stored]
	copy(out, groupMagic)
	out[4], out[5] = groupFormat, codec
	binary.LittleEndian.PutUint64(out[8:], g.number)
	binary.LittleEndian.PutUint64(out[16:], g.previous)
	binary.LittleEndian.PutUint32(out[24:], uint32(len(body)))
	binary.LittleEndian.PutUint32(out[28:], uint32(stored))
	binary.LittleEndian.PutUint32(out[32:], groupChecksum(out))
	return out
}

func (c *change) append(body []byte) []byte {
	deleted := byte(0)
	if c.deleted {
		deleted = 1
	}
	body = append(body, byte(c.kind), deleted)
	body = append(body, c.lane.Stream[:]...)
	body = binary.LittleEndian.AppendUint32(body, c.lane.Number)
	body = binary.AppendUvarint(body, uint64(len(c.key)))
	body = append(body, c.key...)
	body = binary.AppendUvarint(body, uint64(len(c.value)))
	return append(body, c.value...)
}

func groupChecksum(record []byte) uint32 {
	return crc32.Update(crc32.Checksum(record[:groupHeaderSize-4], castagnoli), castagnoli, record[groupHeaderSize:])
}

// hashGroup is what the next group's record names this one by.
func hashGroup(record []byte) uint64 { return xxhash.Sum64(record) }

var errGroupDamaged = errors.New("damaged group record")

// decodeGroup reads a group record, checksum and all. It keeps views of data where that is not compressed.
func decodeGroup(data []byte) (*groupRecord, error) {
	if len(data) < groupHeaderSize || string(data[:4]) != groupMagic {
		return nil, fmt.Errorf("%w: no header", errGroupDamaged)
	}
	if data[4] != groupFormat {
		return nil, fmt.Errorf("%w: format %d is not known to this version", errGroupDamaged, data[4])
	}
	raw, stored := binary.LittleEndian.Uint32(data[24:]), binary.LittleEndian.Uint32(data[28:])
	if int64(stored) != int64(len(data)-groupHeaderSize) || raw > maxGroupBody {
		return nil, fmt.Errorf("%w: wrong length", errGroupDamaged)
	}
	if groupChecksum(data) != binary.LittleEndian.Uint32(data[32:]) {
		return nil, fmt.Errorf("%w: wrong checksum", errGroupDamaged)
	}
	body := data[groupHeaderSize:]
	if data[5] == 1 {
		var err error
		if n, e := s2.DecodedLen(body); e != nil || n != int(raw) {
			return nil, fmt.Errorf("%w: body of another length than the header says", errGroupDamaged)
		}
		if body, err = s2.Decode(nil, body); err != nil {
			return nil, fmt.Errorf("%w: %v", errGroupDamaged, err)
		}
	}
	g := &groupRecord{number: binary.LittleEndian.Uint64(data[8:]), previous: binary.LittleEndian.Uint64(data[16:])}
	return g, g.decodeBody(body)
}

func (g *groupRecord) decodeBody(body []byte) error {
	r := reader{rest: body}
	blocks := r.uvarint()
	if blocks > uint64(len(r.rest)/buffer.HeaderSize) {
		return fmt.Errorf("%w: %d blocks do not fit", errGroupDamaged, blocks)
	}
	for range blocks {
		g.blocks = append(g.blocks, r.bytes(buffer.HeaderSize))
	}
	for n := r.uvarint(); n > 0 && !r.short; n-- {
		var c change
		head := r.bytes(2 + 16 + 4)
		if r.short {
			break
		}
		c.kind, c.deleted = kind(head[0]), head[1] == 1
		copy(c.lane.Stream[:], head[2:])
		c.lane.Number = binary.LittleEndian.Uint32(head[18:])
		c.key = string(r.bytes(r.uvarint()))
		c.value = r.bytes(r.uvarint())
		g.changes = append(g.changes, c)
	}
	if r.short || len(r.rest) > 0 {
		return fmt.Errorf("%w: the body does not end where it says", errGroupDamaged)
	}
	return nil
}

// reader takes a body apart; short is set once it asked for more than there is.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.short = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) bytes(n uint64) []byte {
	if r.short || n > uint64(len(r.rest)) {
		r.short = true
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}
