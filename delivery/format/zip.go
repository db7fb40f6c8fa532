package format

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
)

// zipCodec makes an object an archive of one deflated entry. By the time of Wrap everything about the entry is known, so
// its header can say it: a reader that takes the bytes as they come needs no more than one that begins at the end.
//
// The entry is named by a UUID, as Firehose names it. This one is a hash of what the archive says about the entry: equal
// content stays equal bytes.
type zipCodec struct{}

func (zipCodec) Name() string            { return "zip" }
func (zipCodec) Extension() string       { return ".zip" }
func (zipCodec) ContentEncoding() string { return "zip" }

func (zipCodec) Chunk(dst, raw []byte) []byte { return gzipCodec{}.Chunk(dst, raw) }

func (zipCodec) Wrap(t Totals) (head, tail []byte) {
	stored := uint64(t.Stored) + uint64(len(deflateEnd))
	e := newZipEntry(uint64(t.Bytes), stored, t.CRC32)
	head = e.appendHeader(nil)
	directory := uint64(len(head)) + stored
	tail = append(tail, deflateEnd...)
	return head, e.appendDirectory(tail, directory)
}

// The parts of an archive, in the order of APPNOTE.TXT 6.3. What does not fit into 32 bits is math.MaxUint32 there, and
// found in the zip64 parts.
type (
	zipFile struct { // common to both headers of an entry
		Needs, Flags, Method, Time, Date uint16
		CRC32, Stored, Bytes             uint32
		NameSize, ExtraSize              uint16
	}
	zipHeader struct {
		Signature uint32
		File      zipFile
	}
	zipDirectoryHeader struct {
		Signature             uint32
		MadeBy                uint16
		File                  zipFile
		CommentSize           uint16
		Disk, Internal        uint16
		External, EntryOffset uint32
	}
	zip64Extra struct {
		ID, Size      uint16
		Bytes, Stored uint64
	}
	zip64End struct {
		Signature                uint32
		Size                     uint64
		MadeBy, Needs            uint16
		Disk, DirectoryDisk      uint32
		EntriesHere, Entries     uint64
		DirectorySize, Directory uint64
		LocatorSignature         uint32
		EndDisk                  uint32
		End                      uint64
		Disks                    uint32
	}
	zipEnd struct {
		Signature                uint32
		Disk, DirectoryDisk      uint16
		EntriesHere, Entries     uint16
		DirectorySize, Directory uint32
		CommentSize              uint16
	}
)

const (
	zipVersion   = 20 // of the specification: deflate
	zip64Version = 45
	zipDeflate   = 8
	zipNoDate    = 1<<5 | 1 // the first of January 1980, the earliest there is
	zip64ID      = 1

	zipHeaderSize  = 30
	zipNameSize    = 36
	zip64ExtraSize = 20
	zip64EndSize   = 56 // without the locator
)

// zipEntry is an archive's only entry.
type zipEntry struct {
	file  zipFile
	name  string
	extra []byte // of zip64; empty if the entry needs none
}

func newZipEntry(bytes, stored uint64, crc uint32) *zipEntry {
	e := &zipEntry{name: zipName(bytes, stored, crc), file: zipFile{
		Needs: zipVersion, Method: zipDeflate, Date: zipNoDate,
		CRC32: crc, Stored: uint32(stored), Bytes: uint32(bytes),
		NameSize: zipNameSize,
	}}
	if bytes >= math.MaxUint32 || zipHeaderSize+zipNameSize+stored >= math.MaxUint32 {
		e.file.Needs = zip64Version
		e.file.Stored, e.file.Bytes = math.MaxUint32, math.MaxUint32
		e.file.ExtraSize = zip64ExtraSize
		e.extra = appendFields(nil, zip64Extra{ID: zip64ID, Size: zip64ExtraSize - 4, Bytes: bytes, Stored: stored})
	}
	return e
}

func (e *zipEntry) appendHeader(dst []byte) []byte {
	dst = appendFields(dst, zipHeader{0x04034b50, e.file})
	dst = append(dst, e.name...)
	return append(dst, e.extra...)
}

// appendDirectory appends all that follows the entry, where directory is its place in the archive.
func (e *zipEntry) appendDirectory(dst []byte, directory uint64) []byte {
	start := len(dst)
	dst = appendFields(dst, zipDirectoryHeader{Signature: 0x02014b50, MadeBy: e.file.Needs, File: e.file})
	dst = append(dst, e.name...)
	dst = append(dst, e.extra...)
	size := len(dst) - start
	end := zipEnd{
		Signature: 0x06054b50, EntriesHere: 1, Entries: 1,
		DirectorySize: uint32(size), Directory: uint32(directory),
	}
	if len(e.extra) > 0 {
		end.Directory = math.MaxUint32
		dst = appendFields(dst, zip64End{
			Signature: 0x06064b50, Size: zip64EndSize - 12, MadeBy: zip64Version, Needs: zip64Version,
			EntriesHere: 1, Entries: 1, DirectorySize: uint64(size), Directory: directory,
			LocatorSignature: 0x07064b50, End: directory + uint64(size), Disks: 1,
		})
	}
	return appendFields(dst, end)
}

// appendFields appends a struct of numbers as they lie in the archive.
func appendFields(dst []byte, fields any) []byte {
	dst, err := binary.Append(dst, binary.LittleEndian, fields)
	if err != nil {
		panic("format: zip: " + err.Error()) // every struct above has a fixed size
	}
	return dst
}

func zipName(bytes, stored uint64, crc uint32) string {
	var key [20]byte
	binary.LittleEndian.PutUint64(key[:], bytes)
	binary.LittleEndian.PutUint64(key[8:], stored)
	binary.LittleEndian.PutUint32(key[16:], crc)
	id := sha256.Sum256(key[:])
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80 // RFC 9562, version 8: a hash
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:16])
}
