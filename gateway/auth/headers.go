package auth

import "bytes"

// header is one line of a request's head. Its bytes are views.
type header struct{ name, value []byte }

type headers []header

// parseHeaders cuts the lines. What could be read in two ways is refused: a proxy in front may have read the other.
func parseHeaders(raw []byte) (headers, error) {
	lines := make(headers, 0, 16)
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte{'\n'})
		raw = rest
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(line) == 0 {
			break
		}
		name, value, ok := bytes.Cut(line, []byte{':'})
		if !ok || !visible(name) {
			return nil, &Refusal{Malformed, "a header line is not of the form Name: value, or is folded"}
		}
		lines = append(lines, header{name, bytes.Trim(value, " \t")})
	}
	for _, name := range single {
		if lines.count(name) > 1 {
			return nil, &Refusal{Malformed, "the header " + name + " was sent more than once"}
		}
	}
	return lines, nil
}

// single are the headers that the gateway acts upon: with two of one name, the one that was judged need not be the one
// that is used.
var single = []string{
	"host", "authorization", "content-type", "content-length", "content-encoding", "idempotency-key",
	"amz-sdk-invocation-id", dateHeader, targetHeader, tokenHeader, hashHeader,
}

func (h headers) count(name string) (n int) {
	for _, l := range h {
		if equalFold(l.name, name) {
			n++
		}
	}
	return n
}

func (h headers) has(name string) bool { return h.count(name) > 0 }

// get returns the first value, nil if there is none.
func (h headers) get(name string) []byte {
	for _, l := range h {
		if equalFold(l.name, name) {
			return l.value
		}
	}
	return nil
}

// visible holds for names without blanks, control characters and what is not ASCII.
func visible(name []byte) bool {
	for _, c := range name {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return len(name) > 0
}

// equalFold compares with a name in lower case. Header names are ASCII: bytes.EqualFold would take more for equal.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// hasPrefixFold is equalFold for the beginning.
func hasPrefixFold(b []byte, lower string) bool {
	return len(b) >= len(lower) && equalFold(b[:len(lower)], lower)
}
