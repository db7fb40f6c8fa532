package delivery

import (
	"bytes"
	"sync"
	"unsafe"

	"hydrant/buffer"
	"hydrant/partitioner"
)

// keying partitions the records of blocks beside their lane, where that is simple: each record has one output, of the record
// as it is. The partitioner being pure, the outputs are those that the lane would come to by itself. A nil keying leaves all
// to the lane.
type keying struct {
	track track

	mu      sync.Mutex
	version uint64                     // that the last block was read under
	idle    []*partitioner.Partitioner // of that version
	refused uint64                     // a version that is not simple: it is compiled once, not for each block
}

// keyedMemory is where the outputs of a block lie.
type keyedMemory struct {
	outputs  []partitioner.Output
	one      []partitioner.Output
	prefixes []byte
}

// held is the memory that they take.
func (m *keyedMemory) held() int64 {
	return int64(cap(m.outputs))*int64(unsafe.Sizeof(partitioner.Output{})) + int64(cap(m.prefixes))
}

// mostPrefixes bounds what the prefixes of one block may leave behind.
const mostPrefixes = 1 << 20

// partition returns the outputs of a block's records, one for each, good until the memory is used again, or nil.
func (k *keying) partition(m *keyedMemory, b *buffer.Block) []partitioner.Output {
	if k == nil || b.Version == nil {
		return nil
	}
	p := k.take(b.Version)
	if p == nil {
		return nil
	}
	defer k.giveBack(p, b.Version.Number)
	if m.outputs, m.prefixes = m.outputs[:0], m.prefixes[:0]; cap(m.prefixes) > mostPrefixes {
		m.prefixes = nil
	}
	var prefix []byte // of the record before: most records share it with the next, or many do
	for record := range b.Records() {
		m.one = p.Process(m.one[:0], uint64(record.Seq), record.Arrival, record.Data)
		out := m.one[0]
		if out.Error != "" {
			return nil // its line takes memory that nobody has counted
		}
		if !bytes.Equal(out.Prefix, prefix) {
			start := len(m.prefixes)
			m.prefixes = append(m.prefixes, out.Prefix...)
			prefix = m.prefixes[start:len(m.prefixes):len(m.prefixes)]
		}
		out.Prefix = prefix
		m.outputs = append(m.outputs, out)
	}
	return m.outputs
}

// take returns a partitioner for a version, or nil: what is wrong with a version, the lane finds out and says.
func (k *keying) take(v *buffer.Version) *partitioner.Partitioner {
	if p, known := k.known(v.Number); known {
		return p
	}
	r, err := newRules(v, k.track, false)
	if err == nil && r.partitioner != nil && r.partitioner.OneForOne() {
		return r.partitioner
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refused = v.Number
	return nil
}

// known reports whether it needs no look at a version to tell its partitioner, which is nil for one that is refused.
func (k *keying) known(version uint64) (*partitioner.Partitioner, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n := len(k.idle); n > 0 && k.version == version {
		p := k.idle[n-1]
		k.idle = k.idle[:n-1]
		return p, true
	}
	return nil, k.refused == version
}

func (k *keying) giveBack(p *partitioner.Partitioner, version uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.version != version {
		k.version, k.idle = version, nil
	}
	k.idle = append(k.idle, p)
}
