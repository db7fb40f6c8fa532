package expr

import (
	"encoding/binary"
	"math/bits"
)

// The functions of this file walk JSON (RFC 8259) from an index of data to the index behind what they name. They check
// every byte that they pass, recurse nowhere and allocate nothing. What encoding/json takes they take, but for nesting
// beyond maxDepth; like it they do not mind bytes that are not UTF-8 within strings.

// maxDepth is how many objects and arrays may be open at once in a record.
const maxDepth = 1000

// fault says why data is not JSON; it is empty where data is good. The texts end up in error output, so changing one
// changes what a record's output is.
type fault string

const (
	truncated    fault = "the record ends too early"
	noValue      fault = "a value must begin here"
	noName       fault = "a field's name must begin here"
	noColon      fault = "a colon must follow the field's name"
	noComma      fault = "a comma or the closing bracket must follow"
	badNumber    fault = "the number is not JSON's"
	badString    fault = "a string holds a control character"
	badEscape    fault = "the escape is not JSON's"
	tooDeep      fault = "the nesting is deeper than 1000 levels"
	trailingText fault = "more text follows the object"
	notAnObject  fault = "an object must begin here"
	notNested    fault = "an object or an array must begin here"
)

// skip passes any value that begins at i, white space before it included. depth is how many levels are open around it.
func skip(data []byte, i, depth int) (int, fault) {
	i = space(data, i)
	if i < len(data) && (data[i] == '{' || data[i] == '[') {
		return skipNested(data, i, depth)
	}
	return scalar(data, i)
}

// levels tells of each open level whether it is an object, in a bit.
type levels [maxDepth/64 + 1]uint64

func (l *levels) open(depth int, object bool) {
	bit := uint64(1) << (depth % 64)
	if l[depth/64] &^= bit; object {
		l[depth/64] |= bit
	}
}

func (l *levels) isObject(depth int) bool { return l[depth/64]>>(depth%64)&1 == 1 }

// skipNested passes the object or array that begins at i. Each round of its loop passes one value: its beginning, which may open
// a level, or all of it and what closes behind it. It ends where the level around it is reached again.
func skipNested(data []byte, i, depth int) (int, fault) {
	var inside levels
	for outer := depth; ; {
		var f fault
		if i = space(data, i); i == len(data) {
			return i, truncated
		}
		switch c := data[i]; c {
		case '{', '[':
			if depth++; depth > maxDepth {
				return i, tooDeep
			}
			inside.open(depth, c == '{')
			if i = space(data, i+1); i < len(data) && data[i] == c+2 { // each closing bracket lies 2 above its opening one
				i, depth = i+1, depth-1
				break
			}
			if c == '{' {
				if i, f = skipName(data, i); f != "" {
					return i, f
				}
			}
			continue // with the first value in it
		case '"':
			if i, _, f = stringText(data, i); f != "" {
				return i, f
			}
		default:
			if i, f = scalar(data, i); f != "" {
				return i, f
			}
		}
		for ; depth > outer; depth-- { // the value ends here, and with it each level that closes behind it
			more, inObject := true, inside.isObject(depth)
			if i < len(data) && data[i] == ',' {
				i++
			} else if i, more, f = separator(data, i, inObject); f != "" {
				return i, f
			}
			if more && inObject {
				if i, f = skipName(data, i); f != "" {
					return i, f
				}
			}
			if more {
				break
			}
		}
		if depth == outer {
			return i, ""
		}
	}
}

// separator passes the comma behind a value, and reports that more follows, or the bracket that closes its level.
func separator(data []byte, i int, inObject bool) (int, bool, fault) {
	if i = space(data, i); i == len(data) {
		return i, false, truncated
	}
	closing := byte(']')
	if inObject {
		closing = '}'
	}
	switch data[i] {
	case ',':
		return i + 1, true, ""
	case closing:
		return i + 1, false, ""
	}
	return i, false, noComma
}

// skipName passes a field's name, which begins at i or behind white space there, and its colon.
func skipName(data []byte, i int) (int, fault) {
	i = space(data, i)
	switch {
	case i == len(data):
		return i, truncated
	case data[i] != '"':
		return i, noName
	}
	i, _, f := stringText(data, i)
	if f != "" {
		return i, f
	}
	if i < len(data) && data[i] == ':' {
		return i + 1, ""
	}
	return colon(data, i)
}

// name passes a field's name, which begins at i; it reports whether the name holds an escape.
func name(data []byte, i int) (int, bool, fault) {
	switch {
	case i == len(data):
		return i, false, truncated
	case data[i] != '"':
		return i, false, noName
	}
	return stringText(data, i)
}

func colon(data []byte, i int) (int, fault) {
	if i = space(data, i); i == len(data) {
		return i, truncated
	}
	if data[i] != ':' {
		return i, noColon
	}
	return i + 1, ""
}

// scalar passes a string, a number, true, false or null.
func scalar(data []byte, i int) (int, fault) {
	if i == len(data) {
		return i, truncated
	}
	switch c := data[i]; {
	case c == '"':
		i, _, f := stringText(data, i)
		return i, f
	case c == '-' || c >= '0' && c <= '9':
		return number(data, i)
	case c == 't':
		return word(data, i, "true")
	case c == 'f':
		return word(data, i, "false")
	case c == 'n':
		return word(data, i, "null")
	}
	return i, noValue
}

func word(data []byte, i int, word string) (int, fault) {
	for k := range len(word) {
		if i+k == len(data) {
			return i + k, truncated
		}
		if data[i+k] != word[k] {
			return i, noValue
		}
	}
	return i + len(word), ""
}

// stringText passes the string whose opening quote is at i, eight bytes at a time where nothing in them is special; it
// reports whether the string holds an escape.
func stringText(data []byte, i int) (int, bool, fault) {
	escaped := false
	for i++; ; {
		for i+8 <= len(data) {
			if mask := special(binary.LittleEndian.Uint64(data[i:])); mask != 0 {
				i += bits.TrailingZeros64(mask) / 8
				break
			}
			i += 8
		}
		if i >= len(data) {
			return len(data), escaped, truncated
		}
		switch c := data[i]; {
		case c == '"':
			return i + 1, escaped, ""
		case c == '\\':
			size, f := escape(data[i:])
			if f != "" {
				return i, true, f
			}
			i, escaped = i+size, true
		case c < ' ':
			return i, escaped, badString
		default:
			i++
		}
	}
}

// special sets the high bit of the first byte of w that is a quote, a backslash or a control character. Bits above the
// first may be set too: a borrow runs upwards only. A byte is a quote or a control character where it is below '!' with the
// second bit turned over, which changes places of space and quote.
func special(w uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	return (((w ^ ones*2) - ones*'!') | ((w ^ ones*'\\') - ones)) &^ w & highs
}

// escape returns the size of the escape at the front of data.
func escape(data []byte) (int, fault) {
	if len(data) < 2 {
		return 0, truncated
	}
	switch data[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, ""
	case 'u':
		if len(data) < 6 {
			return 0, truncated
		}
		for _, c := range data[2:6] {
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return 0, badEscape
			}
		}
		return 6, ""
	}
	return 0, badEscape
}

func number(data []byte, i int) (int, fault) {
	if data[i] == '-' {
		i++
	}
	whole := i
	if i < len(data) && data[i] == '0' {
		i++
	} else if i = digits(data, i); i == whole {
		return i, badNumber
	}
	if i < len(data) && data[i] == '.' {
		fraction := i + 1
		if i = digits(data, fraction); i == fraction {
			return i, badNumber
		}
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		if i++; i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		exponent := i
		if i = digits(data, i); i == exponent {
			return i, badNumber
		}
	}
	return i, ""
}

func digits(data []byte, i int) int {
	if i+8 <= len(data) { // most numbers are short, and of all lengths
		const ones, highs = 0x0101010101010101, 0x8080808080808080
		w := binary.LittleEndian.Uint64(data[i:]) ^ ones*'0'
		if other := (w + ones*(0x80-10) | w) & highs; other != 0 { // right up to the first: a sum carries upwards only
			return i + bits.TrailingZeros64(other)/8
		}
		i += 8
	}
	for i < len(data) && data[i] >= '0' && data[i] <= '9' {
		i++
	}
	return i
}

func space(data []byte, i int) int {
	for i < len(data) && data[i] <= ' ' && (data[i] == ' ' || data[i] == '\n' || data[i] == '\r' || data[i] == '\t') {
		i++
	}
	return i
}

// Value returns the index behind the JSON value that begins at i. It is false where none does, and where it is nested deeper
// than 1000 levels. It allocates nothing.
func Value(data []byte, i int) (end int, ok bool) {
	end, f := skip(data, i, 0)
	return end, f == ""
}

// Space returns the index behind JSON's white space at i.
func Space(data []byte, i int) int { return space(data, i) }
