package expr

import (
	"unicode"
	"unicode/utf8"
)

// escaped are the ASCII characters that AppendEscaped encodes: control characters and the set that Hive escapes in the
// names of its partitions, so that Hive, Spark and Trino read a value back as it was.
var escaped = func() (set [utf8.RuneSelf]bool) {
	for c := range byte(' ') {
		set[c] = true
	}
	set[0x7f] = true
	for _, c := range []byte("\"#%'*/:=?\\{[]^") {
		set[c] = true
	}
	return set
}()

// AppendEscaped appends a key's value so that it can neither leave its prefix nor open a level of its own. Control
// characters, bytes that are not UTF-8 and the set that Hive escapes become %XX, a byte each, and a value of dots alone
// has each dot as %2E. What is not so is copied; url.PathUnescape gives the value back.
func AppendEscaped(dst, value []byte) []byte {
	if onlyDots(value) {
		for range value {
			dst = append(dst, "%2E"...)
		}
		return dst
	}
	start := 0
	for i := 0; i < len(value); {
		size := 1
		escape := false
		if c := value[i]; c < utf8.RuneSelf {
			escape = escaped[c]
		} else {
			var r rune
			r, size = utf8.DecodeRune(value[i:])
			escape = unicode.IsControl(r) || r == utf8.RuneError && size == 1
		}
		if escape {
			dst = append(dst, value[start:i]...)
			dst = appendHex(dst, value[i:i+size])
			start = i + size
		}
		i += size
	}
	return append(dst, value[start:]...)
}

func onlyDots(value []byte) bool {
	for _, c := range value {
		if c != '.' {
			return false
		}
	}
	return true
}

func appendHex(dst, value []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range value {
		dst = append(dst, '%', digits[c>>4], digits[c&15])
	}
	return dst
}
