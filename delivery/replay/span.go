package replay

import "math"

// endless is the end of a span that reaches to the object's end, wherever that is.
const endless = math.MaxInt64

// A span are the records of an object from the number From on, before To. The first record's number is 0.
type span struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// cut takes what lies before the number end off spans, which are in order.
func cut(spans []span, end int64) []span {
	for len(spans) > 0 && spans[0].To <= end {
		spans = spans[1:]
	}
	if len(spans) > 0 && spans[0].From < end {
		return append([]span{{end, spans[0].To}}, spans[1:]...)
	}
	return spans
}

// extend adds s, which lies behind all spans.
func extend(spans []span, s span) []span {
	if last := len(spans) - 1; last >= 0 && spans[last].To == s.From {
		spans[last].To = s.To
		return spans
	}
	return append(spans, s)
}

func holds(spans []span, n int64) bool {
	for _, s := range spans {
		if s.From <= n && n < s.To {
			return true
		}
	}
	return false
}
