package firehose

import "github.com/segmentio/asm/base64"

// decodeBase64 decodes src into dst, which must have room for len(src)/4*3 bytes, and returns what it wrote. It accepts
// what encoding/base64's StdEncoding accepts, save that line ends inside are refused: StdEncoding, and segmentio's with
// it, skips them, and a raw line end inside a JSON string is not JSON. A skipped byte shows in the lengths.
func decodeBase64(dst, src []byte) ([]byte, bool) {
	if len(src)%4 != 0 {
		return nil, false
	}
	want := len(src) / 4 * 3
	n, err := base64.StdEncoding.Decode(dst[:want], src)
	if err != nil || n != want-padding(src) {
		return nil, false
	}
	return dst[:n:n], true
}

func padding(src []byte) int {
	n := len(src)
	switch {
	case n >= 2 && src[n-2] == '=':
		return 2
	case n >= 1 && src[n-1] == '=':
		return 1
	}
	return 0
}
