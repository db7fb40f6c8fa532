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

// lose takes records away. What it adds to the damage overlaps with none that was there. Called with mu held.
func (s *lane) lose(from, to buffer.Seq) {
	var lost []buffer.Damage
	s.records = slices.DeleteFunc(s.records, func(r record) bool {
		if r.seq <= s.cursor || r.seq < from || to < r.seq {
			return false
		}
		if n := len(lost); n > 0 && lost[n-1].To+1 == r.seq {
			lost[n-1].To, lost[n-1].Records = r.seq, lost[n-1].Records+1
		} else {
			lost = append(lost, buffer.Damage{From: r.seq, To: r.seq, Records: 1, Reason: "the test says so"})
		}
		return true
	})
	if len(lost) == 0 {
		return
	}
	s.damage = append(s.damage, lost...)
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
		d.From = max(d.From, after+1)
		d.Records = min(d.Records, int64(d.To-d.From+1))
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
