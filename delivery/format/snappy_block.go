package format

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/s2"
)

// maxSnappyBlock bounds a block that is read, uncompressed. Ours are far smaller, other writers may choose.
const maxSnappyBlock = 1 << 20

// appendSnappy appends raw as one snappy block behind its compressed length.
func appendSnappy(dst, raw []byte) []byte {
	at := len(dst)
	dst = slices.Grow(dst, 4+s2.MaxEncodedLen(len(raw)))[:at+4]
	packed := s2.EncodeSnappy(dst[at+4:cap(dst)], raw)
	binary.BigEndian.PutUint32(dst[at:], uint32(len(packed)))
	return dst[:at+4+len(packed)]
}

// snappyReader decodes blocks behind their compressed lengths. It holds one at a time.
type snappyReader struct {
	source  *bufio.Reader
	grouped bool   // blocks come in groups, each behind its uncompressed length
	group   uint32 // bytes of the group that are still to come, uncompressed
	packed  []byte // scratch
	plain   []byte // scratch
	rest    []byte // of the block in hand
	err     error
}

func newSnappyReader(r io.Reader) *snappyReader { return &snappyReader{source: bufio.NewReader(r)} }

// expect reads what a stream begins with.
func (r *snappyReader) expect(header string) error {
	found := make([]byte, len(header))
	if _, err := io.ReadFull(r.source, found); err != nil {
		return fmt.Errorf("read the header of a snappy stream: %w", unexpected(err))
	}
	if string(found) != header {
		return fmt.Errorf("%q is no header of a snappy stream", found)
	}
	return nil
}

func (r *snappyReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 && r.err == nil {
		r.rest, r.err = r.next()
	}
	if len(r.rest) == 0 {
		return 0, r.err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *snappyReader) Close() error { return nil }

// next returns the next block, or none at the beginning of a group; io.EOF at the end.
func (r *snappyReader) next() ([]byte, error) {
	if r.grouped && r.group == 0 {
		size, err := r.length()
		r.group = size
		return nil, err
	}
	size, err := r.length()
	if err != nil {
		if r.grouped {
			err = unexpected(err)
		}
		return nil, err
	}
	block, err := r.block(size)
	if err != nil {
		return nil, fmt.Errorf("read a snappy block of %d bytes: %w", size, err)
	}
	return block, nil
}

// length reads four bytes; io.EOF if there is none left.
func (r *snappyReader) length() (uint32, error) {
	var field [4]byte
	if _, err := io.ReadFull(r.source, field[:]); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(field[:]), nil
}

func (r *snappyReader) block(size uint32) ([]byte, error) {
	if most := s2.MaxEncodedLen(maxSnappyBlock); int64(size) > int64(most) {
		return nil, fmt.Errorf("the limit is %d", most)
	}
	r.packed = slices.Grow(r.packed[:0], int(size))[:size]
	if _, err := io.ReadFull(r.source, r.packed); err != nil {
		return nil, unexpected(err)
	}
	plain, err := s2.DecodedLen(r.packed)
	switch {
	case err != nil:
		return nil, err
	case plain > maxSnappyBlock:
		return nil, fmt.Errorf("it claims to hold %d, the limit is %d", plain, maxSnappyBlock)
	case r.grouped && uint32(plain) > r.group:
		return nil, fmt.Errorf("it claims to hold %d, but its group has only %d left", plain, r.group)
	}
	r.plain, err = s2.Decode(r.plain[:cap(r.plain)], r.packed)
	if r.grouped {
		r.group -= uint32(plain)
	}
	return r.plain, err
}

// unexpected is err for a place where there is more to come.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
