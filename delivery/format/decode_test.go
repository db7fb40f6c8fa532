package format

import (
	"bytes"
	"encoding/binary"
	"io"
	"runtime"
	"slices"
	"testing"

	"github.com/klauspost/compress/s2"
)

// expansion is how many bytes a codec's decoder may make of one. A limit of the format where there is one; snappy's is
// ours, one block of the largest size for each nine bytes.
var expansion = map[string]int64{
	"none": 1, "gzip": 1032, "zip": 1032, "zstd": 128 << 10, "snappy": maxSnappyBlock / 8, "hadoop-snappy": maxSnappyBlock / 8,
}

// FuzzDecode feeds damaged objects to every codec: an error or some bytes, never a panic.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	for _, codec := range codecs {
		whole := object(codec, []byte("one "), []byte("two"))
		f.Add(whole)
		f.Add(whole[:max(1, len(whole))-1])
		f.Add(append(bytes.Clone(whole), whole...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, codec := range codecs {
			r, err := codec.Decode(bytes.NewReader(data))
			if err != nil {
				continue
			}
			const enough = 32 << 20 // more would only take time
			n, err := io.Copy(io.Discard, io.LimitReader(r, enough))
			if n > expansion[codec.Name()]*int64(len(data))+64 {
				t.Errorf("%s: %d bytes decoded to %d", codec.Name(), len(data), n)
			}
			if closed := r.Close(); err == nil && closed != nil {
				t.Errorf("%s: close: %v", codec.Name(), closed)
			}
		}
	})
}

// A few bytes that claim to need much memory are refused, and none is taken.
func TestDecodeIsBounded(t *testing.T) {
	const huge = 512 << 20
	snappyBlock := append(binary.AppendUvarint(nil, huge), 0, 'x')
	for name, tt := range map[string]struct {
		codec Codec
		data  []byte
	}{
		// A frame of one raw block, whose window is 2^(10+19).
		"zstd window":             {zstdCodec{}, []byte("\x28\xb5\x2f\xfd\x00\x98\x09\x00\x00x")},
		"snappy length":           {snappyCodec{}, append([]byte(snappyHeader), 0x20, 0, 0, 0)},
		"snappy negative length":  {snappyCodec{}, append([]byte(snappyHeader), 0xff, 0xff, 0xff, 0xff)},
		"snappy block":            {snappyCodec{}, append(append([]byte(snappyHeader), 0, 0, 0, byte(len(snappyBlock))), snappyBlock...)},
		"hadoop length":           {hadoopSnappyCodec{}, []byte{0x20, 0, 0, 0, 0x20, 0, 0, 0}},
		"hadoop block":            {hadoopSnappyCodec{}, append([]byte{0x20, 0, 0, 0, 0, 0, 0, byte(len(snappyBlock))}, snappyBlock...)},
		"hadoop beyond the group": {hadoopSnappyCodec{}, append([]byte{0, 0, 0, 1, 0, 0, 0, 4}, s2.EncodeSnappy(nil, []byte("ab"))...)},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got, err := tryDecode(tt.codec, tt.data)
			runtime.ReadMemStats(&after)
			if err == nil || len(got) > 0 {
				t.Errorf("%q with error %v, want an error alone", got, err)
			}
			if taken := after.TotalAlloc - before.TotalAlloc; taken > 32<<20 {
				t.Errorf("%d MiB were allocated, want less than 32", taken>>20)
			}
		})
	}
}

// A flipped bit is found, or changes nothing, in the codecs that have a checksum. Snappy's have none, and what tells is the
// checksum of the manifest.
func TestDecodeFindsDamage(t *testing.T) {
	for _, codec := range []Codec{gzipCodec{}, zstdCodec{}, zipCodec{}} {
		t.Run(codec.Name(), func(t *testing.T) {
			whole := object(codec, events(2000), events(500))
			want := decode(t, codec, whole)
			for at := range whole {
				damaged := bytes.Clone(whole)
				damaged[at] ^= 1 << (at % 8)
				if got, err := tryDecode(codec, damaged); err == nil && !bytes.Equal(got, want) {
					t.Errorf("bit flipped in byte %d: other content and no error", at)
				}
			}
		})
	}
}

// A cut is an error, unless it falls between two chunks of a codec that has no end.
func TestDecodeFindsCuts(t *testing.T) {
	for _, codec := range codecs[1:] {
		t.Run(codec.Name(), func(t *testing.T) {
			whole := object(codec, events(2000), events(500))
			head, tail := codec.Wrap(Totals{Bytes: 2500})
			first := codec.Chunk(head, events(2000))
			unseen := []int{len(head), len(first)}
			if len(tail) > 0 {
				unseen = nil
			}
			for length := range whole {
				got, err := tryDecode(codec, whole[:length])
				if (err == nil) != slices.Contains(unseen, length) {
					t.Errorf("cut to %d of %d bytes: %d decoded and error %v", length, len(whole), len(got), err)
				}
			}
		})
	}
}

func tryDecode(codec Codec, data []byte) ([]byte, error) {
	r, err := codec.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
