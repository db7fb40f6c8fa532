package bench

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// packers make objects as delivery does, in two chunks.
var packers = map[string]func(t testing.TB, chunks ...[]byte) []byte{
	"none": func(_ testing.TB, chunks ...[]byte) []byte { return bytes.Join(chunks, nil) },
	"gzip": func(_ testing.TB, chunks ...[]byte) []byte { return pack(bytes.Join(chunks, nil)) },
	"zstd": func(t testing.TB, chunks ...[]byte) []byte {
		encoder, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		var out []byte
		for _, chunk := range chunks {
			out = encoder.EncodeAll(chunk, out)
		}
		return out
	},
	"snappy": func(_ testing.TB, chunks ...[]byte) []byte {
		out := []byte(snappyHeader)
		for _, chunk := range chunks {
			out = appendBlock(out, chunk)
		}
		return out
	},
	"hadoop-snappy": func(_ testing.TB, chunks ...[]byte) []byte {
		var out []byte
		for _, chunk := range chunks {
			out = appendBlock(binary.BigEndian.AppendUint32(out, uint32(len(chunk))), chunk)
		}
		return out
	},
	"zip": func(t testing.TB, chunks ...[]byte) []byte {
		var out bytes.Buffer
		archive := zip.NewWriter(&out)
		entry, err := archive.Create("entry")
		if err != nil {
			t.Fatal(err)
		}
		for _, chunk := range chunks {
			_, _ = entry.Write(chunk) // a bytes.Buffer takes everything
		}
		if err := archive.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	},
}

func appendBlock(dst, chunk []byte) []byte {
	packed := s2.EncodeSnappy(nil, chunk)
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(packed))), packed...)
}

// A bed's objects are judged the same, whatever they are compressed with; and what is wrong with them is seen.
func TestVerifyReadsEveryCompression(t *testing.T) {
	for name, packer := range packers {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			m := memory{}
			var someKey string
			for key, o := range b.objects {
				text := []byte(strings.Join(o.lines, "\n") + "\n")
				m[key] = packer(t, text[:len(text)/3], text[len(text)/3:])
				someKey = key
			}
			options := VerifyOptions{ErrorPrefix: "errors/", Partition: "key"}
			if v := verifyIn(t, m, b.ledger, options); !v.OK() || v.Acked != 140 {
				t.Errorf("got %+v, want all 140 records", v)
			}
			whole := m[someKey]
			for what, damaged := range map[string][]byte{
				"cut":     whole[:len(whole)-1],
				"rubbish": append(bytes.Clone(whole), "rubbish"...),
			} {
				m[someKey] = damaged
				if v := verifyIn(t, m, b.ledger, options); v.Faults[Broken] != 1 {
					t.Errorf("%s: faults %v, want a broken object", what, v.Faults)
				}
			}
		})
	}
}

// Snappy blocks that claim to be larger than any of ours are refused before memory is taken for them.
func TestSnappyBlocksAreBounded(t *testing.T) {
	huge := append(binary.AppendUvarint(nil, 1<<30), 0, 'x')
	for want, data := range map[string][]byte{
		"it has a snappy block of 1073741824 bytes":                  append([]byte(snappyHeader), 0x40, 0, 0, 0, 'x'),
		"it has a snappy block that claims to hold 1073741824 bytes": append(append([]byte(snappyHeader), 0, 0, 0, byte(len(huge))), huge...),
	} {
		r, err := Decompress(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Read(make([]byte, 1)); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// An archive that cannot be kept while it is read says nothing of the object.
func TestNoRoomForArchives(t *testing.T) {
	object := packers["zip"](t, []byte("{}\n"))
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	s := newScan(newBooks(), VerifyOptions{}, "data/object.zip")
	if err := s.read(bytes.NewReader(object)); err == nil || s.findings.faults[Broken] > 0 {
		t.Errorf("error %v and faults %v, want an error alone", err, s.findings.faults)
	}
}

// Nothing is left of the archives that were kept.
func TestArchivesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for _, object := range [][]byte{packers["zip"](t, []byte("{}\n")), []byte("PK\x03\x04 broken")} {
		s := newScan(newBooks(), VerifyOptions{}, "data/object.zip")
		if err := s.read(bytes.NewReader(object)); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

// FuzzDecompress: an error or some bytes, never a panic.
func FuzzDecompress(f *testing.F) {
	for _, packer := range packers {
		f.Add(packer(f, []byte("one\n"), []byte("two\n")))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Decompress(bytes.NewReader(data))
		if err != nil {
			return
		}
		buffer := make([]byte, 64<<10)
		for total := 0; err == nil && total < 32<<20; {
			var n int
			n, err = r.Read(buffer)
			total += n
		}
		_ = r.Close() // reading told what is wrong
	})
}
