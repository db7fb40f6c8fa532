package format

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"regexp"
	"testing"
)

// The standard library reads the archive through its directory: one deflated entry, named by a UUID, with nothing around
// it.
func TestZipIsOneEntry(t *testing.T) {
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for name, chunks := range shapes() {
		t.Run(name, func(t *testing.T) {
			archive, err := readZip(object(zipCodec{}, chunks...))
			if err != nil {
				t.Fatal(err)
			}
			if len(archive.File) != 1 || archive.File[0].Method != zip.Deflate || !uuid.MatchString(archive.File[0].Name) {
				t.Fatalf("the archive holds %+v, want one deflated entry named by a UUID", archive.File)
			}
			r, err := archive.File[0].Open()
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r) // checks CRC-32 and size
			if err != nil {
				t.Fatal(err)
			}
			if want := bytes.Join(chunks, nil); !bytes.Equal(got, want) {
				t.Errorf("decoded %d bytes, want the %d that went in", len(got), len(want))
			}
		})
	}
}

// Archives on both sides of what 32 bits hold: the standard library finds the sizes that went in, whether they stand in
// the old fields or in those of zip64. Their entries are not there, only their length.
func TestZip64(t *testing.T) {
	const edge = 1<<32 - 1
	room := int64(zipHeaderSize + zipNameSize + len(deflateEnd)) // before the directory, beside the chunks
	for _, tt := range []struct {
		bytes, stored int64
		zip64         bool
	}{
		{edge - 1, 1000, false},
		{edge, 1000, true},
		{edge + 1, 1000, true},
		{1000, edge - 1 - room, false},
		{1000, edge - room, true},
		{5 << 30, 5<<30 + 1000, true},
	} {
		t.Run(fmt.Sprintf("%d to %d", tt.bytes, tt.stored), func(t *testing.T) {
			head, tail := zipCodec{}.Wrap(Totals{Bytes: tt.bytes, Stored: tt.stored, CRC32: 17})
			whole := sparse{head: head, tail: tail, gap: tt.stored}
			archive, err := zip.NewReader(whole, whole.size())
			if err != nil {
				t.Fatal(err)
			}
			file := archive.File[0]
			if file.UncompressedSize64 != uint64(tt.bytes) || file.CompressedSize64 != uint64(tt.stored+2) || file.CRC32 != 17 {
				t.Errorf("the entry has %d bytes of %d, CRC %d; want %d of %d, CRC 17", file.CompressedSize64,
					file.UncompressedSize64, file.CRC32, tt.stored+2, tt.bytes)
			}
			if offset, err := file.DataOffset(); err != nil || offset != int64(len(head)) {
				t.Errorf("the entry begins at %d (%v), want %d", offset, err, len(head))
			}
			if got := file.ReaderVersion == zip64Version; got != tt.zip64 {
				t.Errorf("zip64 is %v, want %v", got, tt.zip64)
			}
		})
	}
}

func readZip(data []byte) (*zip.Reader, error) {
	return zip.NewReader(bytes.NewReader(data), int64(len(data)))
}

// sparse is an archive whose chunks are zeros that nobody keeps.
type sparse struct {
	head, tail []byte
	gap        int64
}

func (s sparse) size() int64 { return int64(len(s.head)) + s.gap + int64(len(s.tail)) }

func (s sparse) ReadAt(p []byte, offset int64) (int, error) {
	for i := range p {
		switch at := offset + int64(i); {
		case at < int64(len(s.head)):
			p[i] = s.head[at]
		case at < int64(len(s.head))+s.gap:
			p[i] = 0
		case at < s.size():
			p[i] = s.tail[at-int64(len(s.head))-s.gap]
		default:
			return i, io.EOF
		}
	}
	return len(p), nil
}

// Whatever flips around the entry is found, though the entry itself is whole: other readers would stumble over it.
func TestZipIsStrict(t *testing.T) {
	whole := object(zipCodec{}, []byte("some content"))
	head, tail := zipCodec{}.Wrap(Totals{})
	for at := range whole {
		if at >= len(head) && at < len(whole)-len(tail) {
			continue
		}
		damaged := bytes.Clone(whole)
		damaged[at] ^= 1 << (at % 8)
		if _, err := tryDecode(zipCodec{}, damaged); err == nil {
			t.Errorf("bit flipped in byte %d: no error", at)
		}
	}
}
