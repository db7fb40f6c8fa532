package expr

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxKept bounds the memory that a single large record may leave behind in a buffer.
const maxKept = 64 << 10

// reuse empties a buffer for the next record.
func reuse(buffer []byte) []byte {
	if cap(buffer) > maxKept {
		return nil
	}
	return buffer[:0]
}

// appendUnescaped appends the text of a JSON string, given without its quotes and checked before. Half of a surrogate
// pair becomes U+FFFD, as with encoding/json and jq.
func appendUnescaped(dst, raw []byte) []byte {
	for {
		at := bytes.IndexByte(raw, '\\')
		if at < 0 {
			return append(dst, raw...)
		}
		dst, raw = append(dst, raw[:at]...), raw[at:]
		if raw[1] == 'u' {
			r, size := unescapeRune(raw)
			dst, raw = utf8.AppendRune(dst, r), raw[size:]
		} else {
			dst, raw = append(dst, unescapeByte(raw[1])), raw[2:]
		}
	}
}

func unescapeByte(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c // a quote, a backslash or a slash stands for itself
}

// unescapeRune reads the \uXXXX at the front of raw, or two of them where they are a surrogate pair.
func unescapeRune(raw []byte) (rune, int) {
	const size = len(`\uXXXX`)
	r := hexRune(raw)
	if !utf16.IsSurrogate(r) {
		return r, size
	}
	if raw = raw[size:]; len(raw) >= size && raw[0] == '\\' && raw[1] == 'u' {
		if pair := utf16.DecodeRune(r, hexRune(raw)); pair != utf8.RuneError {
			return pair, 2 * size
		}
	}
	return utf8.RuneError, size
}

func hexRune(raw []byte) rune {
	value, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	if err != nil {
		return utf8.RuneError // cannot be: the scan has seen four hex digits
	}
	return rune(value)
}
