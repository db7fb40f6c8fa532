package badgerlog

import (
	"encoding/binary"
	"fmt"

	"hydrant/buffer"
)

// head is where a lane stands at the end of a group: the books begin with it.
type head struct {
	next     buffer.Seq // above every sequence used so far
	accepted int64      // records since the lane's creation
	bytes    int64      // of them
}

// after is the head once a part of the lane's has been added.
func (h head) after(p *part) head {
	return head{next: p.first + buffer.Seq(p.records), accepted: h.accepted + int64(p.records), bytes: h.bytes + p.bytes}
}

const headSize = 24

func (h head) encode() []byte {
	out := binary.LittleEndian.AppendUint64(make([]byte, 0, headSize), uint64(h.next))
	out = binary.LittleEndian.AppendUint64(out, uint64(h.accepted))
	return binary.LittleEndian.AppendUint64(out, uint64(h.bytes))
}

func decodeHead(value []byte) (head, error) {
	if len(value) != headSize {
		return head{}, fmt.Errorf("%w: head of %d bytes", errGroupDamaged, len(value))
	}
	return head{
		next:     buffer.Seq(binary.LittleEndian.Uint64(value)),
		accepted: int64(binary.LittleEndian.Uint64(value[8:])),
		bytes:    int64(binary.LittleEndian.Uint64(value[16:])),
	}, nil
}

func encodeCursor(s buffer.Seq) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(s)) }

func decodeCursor(value []byte) (buffer.Seq, error) {
	if len(value) != 8 {
		return 0, fmt.Errorf("%w: cursor of %d bytes", errGroupDamaged, len(value))
	}
	return buffer.Seq(binary.LittleEndian.Uint64(value)), nil
}
