package s3

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"hydrant/delivery"
)

func TestReader(t *testing.T) {
	for _, body := range []delivery.Body{
		nil,
		{nil, {}},
		{[]byte("one")},
		{nil, []byte("a"), {}, []byte("bc"), nil, bytes.Repeat([]byte("x"), 3000), {}},
	} {
		if err := iotest.TestReader(newReader(body), bytes.Join(body, nil)); err != nil {
			t.Errorf("body of %d pieces: %v", len(body), err)
		}
	}
}

// Whatever is read and sought, the reader does what a reader of the joined pieces does.
func TestReaderIsAsOfOnePiece(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 10), 0, 5).Draw(t, "body")
		got, want := newReader(body), bytes.NewReader(bytes.Join(body, nil))
		if got.size != want.Size() {
			t.Fatalf("size = %d, want %d", got.size, want.Size())
		}
		t.Repeat(map[string]func(*rapid.T){
			"read": func(t *rapid.T) {
				n := rapid.IntRange(0, 12).Draw(t, "n")
				a, b := make([]byte, n), make([]byte, n)
				gotN, _ := io.ReadFull(got, a) // a bytes.Reader may not be shorter in one Read than in two
				wantN, _ := io.ReadFull(want, b)
				if gotN != wantN || !bytes.Equal(a, b) {
					t.Fatalf("read %q, want %q", a[:gotN], b[:wantN])
				}
			},
			"seek": func(t *rapid.T) {
				offset := rapid.Int64Range(-20, 70).Draw(t, "offset")
				whence := rapid.SampledFrom([]int{io.SeekStart, io.SeekCurrent, io.SeekEnd}).Draw(t, "whence")
				gotAt, gotErr := got.Seek(offset, whence)
				wantAt, wantErr := want.Seek(offset, whence)
				if (gotErr == nil) != (wantErr == nil) || gotErr == nil && gotAt != wantAt {
					t.Fatalf("Seek(%d, %d) = %d, %v, want %d, %v", offset, whence, gotAt, gotErr, wantAt, wantErr)
				}
			},
		})
	})
}

func TestChecksum(t *testing.T) {
	// The check value of CRC-32/ISCSI: e3069283 for "123456789".
	if got, want := checksum(delivery.Body{[]byte("1234"), nil, []byte("56789")}), "4waSgw=="; got != want {
		t.Errorf("checksum = %s, want %s", got, want)
	}
}
