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

// span is a range of sequences of which so many records are accounted for.
type span struct {
	first, last buffer.Seq
	records     int64
}

func spansOf(damage []buffer.Damage) (spans []span) {
	for _, d := range damage {
		spans = append(spans, span{d.From, d.To, d.Records})
	}
	return spans
}

// disjoint puts spans in order, and makes one of those that overlap.
func disjoint(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.first <= out[n-1].last {
			out[n-1].last, out[n-1].records = max(out[n-1].last, s.last), out[n-1].records+s.records
			continue
		}
		out = append(out, s)
	}
	return out
}

// carve leaves out of a lost range what is accounted for, by spans that are disjoint.
func carve(d buffer.Damage, accounted []span) (pieces []buffer.Damage) {
	i, _ := slices.BinarySearchFunc(accounted, d.From, func(s span, from buffer.Seq) int { return cmp.Compare(s.last, from) })
	var inside []span
	left := d.Records
	for _, s := range accounted[i:] {
		if s.first > d.To {
			break
		}
		s.first, s.last = max(s.first, d.From), min(s.last, d.To)
		inside, left = append(inside, s), left-min(s.records, int64(s.last-s.first+1))
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

func overlaps(damage []buffer.Damage, first, last buffer.Seq) bool {
	return slices.ContainsFunc(damage, func(d buffer.Damage) bool { return d.From <= last && first <= d.To })
}
