package firehose

import (
	"bytes"
	"encoding/base64"
	"testing"
)

// reference is the standard library's decoder with line ends forbidden.
func reference(src []byte) ([]byte, bool) {
	if bytes.ContainsAny(src, "\r\n") {
		return nil, false
	}
	data, err := base64.StdEncoding.AppendDecode(nil, src)
	return data, err == nil
}

// compareBase64 also makes sure that nothing is written beyond the room that the length calls for: the SIMD decoder
// stores 32 bytes at a time.
func compareBase64(t *testing.T, src []byte) {
	t.Helper()
	const guard = 64
	room := len(src) / 4 * 3
	scratch := bytes.Repeat([]byte{0xA5}, room+guard)
	got, ok := decodeBase64(scratch[:room], src)
	want, wantOK := reference(src)
	if ok != wantOK || ok && !bytes.Equal(got, want) {
		t.Fatalf("%q: got %x, %v, want %x, %v", src, got, ok, want, wantOK)
	}
	if !bytes.Equal(scratch[room:], bytes.Repeat([]byte{0xA5}, guard)) {
		t.Fatalf("%q: bytes beyond the room of %d were written", src, room)
	}
}

// Each of twelve bad bytes in each place, at lengths around the steps of the SIMD decoder: mutations are where such
// decoders are lax.
func TestDecodeBase64AgreesWithTheStandardLibrary(t *testing.T) {
	bad := []byte("=\n\r-_ \"\\\x00\x7f\x80\xff")
	for _, size := range []int{0, 1, 2, 3, 4, 20, 21, 22, 31, 32, 33, 34, 35, 36, 47, 48, 49, 71, 72, 73, 74, 96, 97, 121, 160} {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(i*7 + size)
		}
		src := []byte(base64.StdEncoding.EncodeToString(data))
		compareBase64(t, src)
		compareBase64(t, src[:max(0, len(src)-1)])
		for i := range src {
			good := src[i]
			for _, c := range bad {
				src[i] = c
				compareBase64(t, src)
			}
			src[i] = good
		}
	}
}

func TestDecodeBase64(t *testing.T) {
	for _, c := range []struct {
		src, want string
		ok        bool
	}{
		{"", "", true},
		{"YQ==", "a", true},
		{"YWI=", "ab", true},
		{"YWJj", "abc", true},
		{"YR==", "a", true}, // trailing bits that are not zero, as in encoding/base64 unless Strict
		{"YQ=", "", false},
		{"YQ", "", false},
		{"YQ==YQ==", "", false},
		{"=", "", false},
		{"====", "", false},
		{"YW\nJj", "", false},
		{"YWJj\n\n\n\n", "", false},
		{"_-_-", "", false},
	} {
		got, ok := decodeBase64(make([]byte, len(c.src)/4*3), []byte(c.src))
		if ok != c.ok || string(got) != c.want {
			t.Errorf("%q: got %q, %v, want %q, %v", c.src, got, ok, c.want, c.ok)
		}
	}
}

func FuzzDecodeBase64(f *testing.F) {
	for _, seed := range []string{"", "YQ==", "YWJj", "AA=", "YW\nJj", base64.StdEncoding.EncodeToString(make([]byte, 200))} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) { compareBase64(t, src) })
}
