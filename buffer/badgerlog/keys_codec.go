package badgerlog

import (
	"encoding/binary"
	"fmt"

	"hydrant/buffer"
)

// A group's keys are one change of kind kindKeys. Its value: uvarint of the log's clock in milliseconds when the group was
// packed, then for each key {id, 16 bytes; payload hash, 8 bytes, little endian; uvarint first sequence; uvarint count of
// records; uvarint age in milliseconds}. A key of the group's own batches has age 0; one that is carried out of an old
// generation is older.

// keyBytes is about what a key takes on disk.
const keyBytes = 36

func appendKeys(dst []byte, clock int64, entries []keyEntry) []byte {
	dst = binary.AppendUvarint(dst, uint64(clock))
	for i := range entries {
		e := &entries[i]
		dst = append(dst, e.id[:]...)
		dst = binary.LittleEndian.AppendUint64(dst, e.payload)
		dst = binary.AppendUvarint(dst, uint64(e.first))
		dst = binary.AppendUvarint(dst, uint64(e.count))
		dst = binary.AppendUvarint(dst, uint64(clock-e.at))
	}
	return dst
}

// decodeKeys reads what appendKeys wrote; the entries' generation is left 0.
func decodeKeys(value []byte) (clock int64, entries []keyEntry, err error) {
	r := reader{rest: value}
	clock = int64(r.uvarint())
	for len(r.rest) > 0 && !r.short {
		var e keyEntry
		if head := r.bytes(16 + 8); !r.short {
			copy(e.id[:], head)
			e.payload = binary.LittleEndian.Uint64(head[16:])
		}
		e.first, e.count, e.at = buffer.Seq(r.uvarint()), uint32(r.uvarint()), clock-int64(r.uvarint())
		entries = append(entries, e)
	}
	if r.short {
		return 0, nil, fmt.Errorf("%w: the keys do not end where they say", errGroupDamaged)
	}
	return clock, entries, nil
}

// keysChange is the change that makes keys durable.
func keysChange(clock int64, entries []keyEntry) change {
	return change{
		stateKey: stateKey{kind: kindKeys},
		value:    appendKeys(make([]byte, 0, 10+len(entries)*(keyBytes+8)), clock, entries),
	}
}
