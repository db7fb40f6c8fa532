package auth

import (
	"bytes"
	"slices"
)

// appendCanonical writes AWS's canonical request but for its last line, the hash of the body. It works on the bytes as
// sent: nothing is decoded, collapsed or cleaned, so what was signed is what is judged.
func appendCanonical(dst []byte, head Head, h headers, signed []string) []byte {
	path, query, _ := bytes.Cut(head.Target, []byte{'?'})
	dst = append(append(dst, head.Method...), '\n')
	dst = append(appendEscaped(dst, path), '\n')
	dst = append(appendQuery(dst, query), '\n')
	for _, name := range signed {
		dst = append(append(dst, name...), ':')
		dst = append(appendValues(dst, h, name), '\n')
	}
	dst = append(dst, '\n')
	for i, name := range signed {
		if i > 0 {
			dst = append(dst, ';')
		}
		dst = append(dst, name...)
	}
	return append(dst, '\n')
}

// appendEscaped escapes the path, which the client has escaped once: for all services but S3 it is signed escaped twice.
func appendEscaped(dst, path []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range path {
		if c == '/' || unreserved(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// appendQuery writes the parameters, escaped as the client sent them, by name and then by value.
func appendQuery(dst, query []byte) []byte {
	if len(query) == 0 {
		return dst
	}
	parameters := bytes.Split(query, []byte{'&'})
	slices.SortFunc(parameters, func(a, b []byte) int {
		nameA, valueA, _ := bytes.Cut(a, []byte{'='})
		nameB, valueB, _ := bytes.Cut(b, []byte{'='})
		if c := bytes.Compare(nameA, nameB); c != 0 {
			return c
		}
		return bytes.Compare(valueA, valueB)
	})
	for i, p := range parameters {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, p...)
		if bytes.IndexByte(p, '=') < 0 {
			dst = append(dst, '=')
		}
	}
	return dst
}

// appendValues writes a header's values in the order sent, separated by commas, runs of spaces made one.
func appendValues(dst []byte, h headers, name string) []byte {
	first := true
	for _, l := range h {
		if !equalFold(l.name, name) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		for i, c := range l.value {
			if c != ' ' || l.value[i-1] != ' ' { // a value begins with no space
				dst = append(dst, c)
			}
		}
	}
	return dst
}
