package native

import "hydrant/stream/expr"

// scanJSON is splitJSON for bodies in which nothing is wrong, in less than half of the time. It is false for all others, and
// for nesting that only the parser follows, which then has the word.
func scanJSON(records [][]byte, body []byte, limit int64) (split [][]byte, n int64, ok bool) {
	i := expr.Space(body, 0)
	switch {
	case i == len(body):
		return nil, 0, false
	case body[i] == '[':
		return scanArray(records, body, i+1, limit)
	case body[i] != '{':
		return nil, 0, false
	}
	end, ok := expr.Value(body, i)
	if !ok || expr.Space(body, end) < len(body) {
		return nil, 0, false
	}
	return append(records, body[i:end:end]), 1, true
}

// scanArray goes on behind the opening bracket.
func scanArray(records [][]byte, body []byte, i int, limit int64) (split [][]byte, n int64, ok bool) {
	if i = expr.Space(body, i); i < len(body) && body[i] == ']' {
		return records, 0, expr.Space(body, i+1) == len(body)
	}
	for {
		start := expr.Space(body, i)
		end, ok := expr.Value(body, start)
		if !ok {
			return nil, 0, false
		}
		if n++; n <= limit {
			records = append(records, body[start:end:end])
		}
		if i = expr.Space(body, end); i == len(body) || body[i] != ',' {
			break
		}
		i++
	}
	if i == len(body) || body[i] != ']' {
		return nil, 0, false
	}
	return records, n, expr.Space(body, i+1) == len(body)
}
