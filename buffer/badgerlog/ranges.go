package badgerlog

import (
	"cmp"
	"slices"

	"hydrant/buffer"
)

// above is the part of a damaged range that the cursor has not passed.
func above(d buffer.Damage, cursor buffer.Seq) (buffer.Damage, bool) {
	d.From = max(d.From, cursor+1)
	d.Records = min(d.Records, int64(d.To)-int64(d.From)+1)
	return d, d.From <= d.To
}

// span is a range of sequences.
type span struct{ first, last buffer.Seq }

func sortSpans(spans []span) {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.first, b.first) })
}

// carve leaves out of a lost range what is accounted for: in order, and nothing twice.
func carve(d buffer.Damage, accounted []span) (pieces []buffer.Damage) {
	i, _ := slices.BinarySearchFunc(accounted, d.From, func(s span, from buffer.Seq) int { return cmp.Compare(s.last, from) })
	var inside []span
	left := d.Records
	for _, s := range accounted[i:] {
		if s.first > d.To {
			break
		}
		s.first, s.last = max(s.first, d.From), min(s.last, d.To)
		inside, left = append(inside, s), left-int64(s.last-s.first+1)
	}
	from := d.From
	add := func(to buffer.Seq) {
		if from <= to && left > 0 {
			piece := d
			piece.From, piece.To, piece.Records = from, to, min(left, int64(to-from)+1)
			pieces, left = append(pieces, piece), left-piece.Records
		}
	}
	for _, s := range inside {
		add(s.first - 1)
		from = s.last + 1
	}
	add(d.To)
	return pieces
}

// merge joins neighbours that were lost in the same way.
func merge(damage []buffer.Damage) []buffer.Damage {
	slices.SortFunc(damage, func(a, b buffer.Damage) int { return cmp.Compare(a.From, b.From) })
	var out []buffer.Damage
	for _, d := range damage {
		if n := len(out); n > 0 && out[n-1].To+1 == d.From && out[n-1].Reason == d.Reason && out[n-1].Generation == d.Generation {
			out[n-1].To, out[n-1].Records = d.To, out[n-1].Records+d.Records
			continue
		}
		out = append(out, d)
	}
	return out
}

// knownDamage reports whether what is known explains d: a hole may have been named in several pieces before.
func knownDamage(known []buffer.Damage, d buffer.Damage) bool {
	var records int64
	found := false
	for _, k := range known {
		if k.From <= d.To && d.From <= k.To {
			found, records = true, records+k.Records
		}
	}
	return found && records >= d.Records
}

func overlaps(damage []buffer.Damage, first, last buffer.Seq) bool {
	return slices.ContainsFunc(damage, func(d buffer.Damage) bool { return d.From <= last && first <= d.To })
}
