package memlog

import (
	"slices"

	"hydrant/buffer"
)

// Damage loses the records from to to of a stream, as far as they are not settled: readers are told instead.
func (l *Log) Damage(stream buffer.StreamID, from, to buffer.Seq) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lanes[stream].lose(from, to)
}

// DamageDerived does the same to what was derived from a stream.
func (l *Log) DamageDerived(stream buffer.StreamID, from, to buffer.Seq) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lanes[stream].derived.lose(from, to)
}

// lose takes records away. Called with mu held.
func (s *lane) lose(from, to buffer.Seq) {
	d := buffer.Damage{From: max(from, s.cursor+1), To: min(to, s.next-1), Reason: "the test says so"}
	s.records = slices.DeleteFunc(s.records, func(r record) bool {
		lost := d.From <= r.seq && r.seq <= d.To
		if lost {
			d.Records++
		}
		return lost
	})
	if d.Records == 0 {
		return
	}
	s.damage = append(s.damage, d)
	slices.SortFunc(s.damage, func(a, b buffer.Damage) int { return int(int64(a.From) - int64(b.From)) })
	s.log.signal()
}

// damageBefore is what a reader meets above after before it meets the block, if there is one. Called with mu held.
func (s *lane) damageBefore(after buffer.Seq, block []byte) error {
	for _, d := range s.damage {
		if d.To <= after {
			continue
		}
		if block != nil && buffer.PeekHeader(block).First < d.From {
			return nil
		}
		return &buffer.CorruptError{Lane: s.id, Damage: d}
	}
	return nil
}

// damagedPending are the lost records that the cursor has not passed. Called with mu held.
func (s *lane) damagedPending() int64 {
	var n int64
	for _, d := range s.damage {
		if d.To > s.cursor {
			n += min(d.Records, int64(d.To-max(d.From-1, s.cursor)))
		}
	}
	return n
}
