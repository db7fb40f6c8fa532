package format

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/klauspost/compress/s2"
)

// The bytes of small streams, by hand: what snappy-java and Hadoop have in their documentation and sources.
func TestSnappyFraming(t *testing.T) {
	for _, tt := range []struct {
		codec Codec
		want  string
	}{
		{snappyCodec{}, "\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01" + "\x00\x00\x00\x04\x02\x04ab" + "\x00\x00\x00\x03\x01\x00c"},
		{hadoopSnappyCodec{}, "\x00\x00\x00\x02\x00\x00\x00\x04\x02\x04ab" + "\x00\x00\x00\x01\x00\x00\x00\x03\x01\x00c"},
	} {
		if got := string(object(tt.codec, []byte("ab"), nil, []byte("c"))); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.codec.Name(), got, tt.want)
		}
	}
}

// What other writers make of the format and ours does not: larger blocks, several in one of Hadoop's groups, and an empty
// group.
func TestForeignSnappyIsRead(t *testing.T) {
	large := events(700 << 10)
	block := func(data []byte) []byte {
		packed := s2.EncodeSnappy(nil, data)
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(packed))), packed...)
	}
	group := binary.BigEndian.AppendUint32(nil, uint32(len(large)))
	for name, tt := range map[string]struct {
		codec Codec
		parts [][]byte
	}{
		"snappy of large blocks": {snappyCodec{}, [][]byte{[]byte(snappyHeader), block(large)}},
		"hadoop group of blocks": {hadoopSnappyCodec{}, [][]byte{group, block(large[:200<<10]), block(large[200<<10:])}},
		"hadoop empty group":     {hadoopSnappyCodec{}, [][]byte{group, block(large), {0, 0, 0, 0}}},
	} {
		if got := decode(t, tt.codec, bytes.Join(tt.parts, nil)); !bytes.Equal(got, large) {
			t.Errorf("%s: decoded %d bytes, want the %d that went in", name, len(got), len(large))
		}
	}
}
