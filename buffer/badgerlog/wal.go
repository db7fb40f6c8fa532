package badgerlog

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"hydrant/buffer"
)

// namedGroup is a group that Badger's write-ahead log names: the keys of its values tell which blocks it has. It is a
// witness of what a value log held that has lost its end, and nothing else is ever read from there.
type namedGroup struct {
	number     uint64
	blocks     []namedBlock
	generation *generation
}

type namedBlock struct {
	lane  buffer.LaneID
	first buffer.Seq
	count int
}

func (b namedBlock) last() buffer.Seq { return b.first + buffer.Seq(b.count) - 1 }

// An entry of the write-ahead log is: meta and user meta, 1 byte each; uvarint length of the key, of the value, and
// expiry; key, value; CRC-32C of all that, big endian. A key ends with its transaction's time, 8 bytes.
const (
	walHeaderSize = 20
	walTimeSize   = 8
)

// namedGroups reads the write-ahead log of a generation up to the first entry that is not whole.
func namedGroups(g *generation) ([]namedGroup, error) {
	data, err := readWAL(g.dir)
	return namedIn(data, g), err
}

// readWAL returns nothing where a generation has no write-ahead log.
func readWAL(dir string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(dir, walName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

func namedIn(data []byte, g *generation) []namedGroup {
	var groups []namedGroup
	var group namedGroup
	var time string
	for rest := data[min(len(data), walHeaderSize):]; ; {
		key, of, size := walEntry(rest)
		if of != time || size == 0 { // a transaction ends; its entries are in no order
			if group.number > 0 {
				groups = append(groups, group)
			}
			group, time = namedGroup{generation: g}, of
		}
		if size == 0 {
			return groups
		}
		rest = rest[size:]
		if number, ok := parseGroupKey(key); ok {
			group.number = number
		} else if b, ok := parseBlockKey(key); ok {
			group.blocks = append(group.blocks, b)
		}
	}
}

// walEntry returns the first entry's key, its transaction's time, and the entry's size: 0 where it is not whole.
func walEntry(data []byte) (key []byte, time string, size int) {
	if len(data) < 2 {
		return nil, "", 0
	}
	at := 2
	var lengths [3]uint64
	for i := range lengths {
		v, n := binary.Uvarint(data[at:])
		if n <= 0 {
			return nil, "", 0
		}
		lengths[i], at = v, at+n
	}
	keyLen, valueLen := lengths[0], lengths[1]
	left := uint64(len(data) - at)
	if keyLen < walTimeSize || keyLen > left || valueLen > left || keyLen+valueLen+crc32.Size > left {
		return nil, "", 0
	}
	end := at + int(keyLen+valueLen)
	if crc32.Checksum(data[:end], castagnoli) != binary.BigEndian.Uint32(data[end:]) {
		return nil, "", 0
	}
	timed := data[at : at+int(keyLen)]
	key = timed[:len(timed)-walTimeSize]
	return key, string(timed[len(key):]), end + crc32.Size
}

func parseGroupKey(key []byte) (uint64, bool) {
	if len(key) != 9 || key[0] != 'g' {
		return 0, false
	}
	return binary.BigEndian.Uint64(key[1:]), true
}

func parseBlockKey(key []byte) (namedBlock, bool) {
	if len(key) != blockKeySize || key[0] != 'b' {
		return namedBlock{}, false
	}
	b := namedBlock{first: buffer.Seq(binary.BigEndian.Uint64(key[21:])), count: int(binary.BigEndian.Uint32(key[29:]))}
	copy(b.lane.Stream[:], key[1:])
	b.lane.Number = binary.BigEndian.Uint32(key[17:])
	return b, true
}
