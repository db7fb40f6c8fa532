package badgerlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"hydrant/buffer"
)

// A generation that was not closed is never given back to Badger: Badger would cut its value log at the first entry it
// dislikes, silently. Our own values say what they are, how long, and carry a checksum, so they are found by their magic
// wherever they lie, before and behind any damage, and whatever the state of Badger's own files.

// extent is where a value lies in a value log.
type extent struct {
	offset int64
	length int
}

// scanned is what a value log holds.
type scanned struct {
	values map[string]extent // by the key that Badger knows them by
	groups []foundGroup
	blocks []buffer.Header
}

// foundGroup is a group record and what the chain needs to know of it.
type foundGroup struct {
	*groupRecord
	hash       uint64
	generation *generation
	missing    []buffer.Header // of its blocks: they are not there as it lists them
	mark       *mark           // set instead of a group at the end of a generation that was closed
}

// minWindow is read at once; a longer value grows the window to its own length.
const minWindow = 4 << 20

// scan reads a value log of size bytes from its beginning to its end, but for its holes: next tells where at the earliest,
// from an offset on, anything was written. A generation is allocated whole, and to read what was never written takes the
// kernel longer than to read values.
func scan(r io.ReaderAt, size int64, next func(at int64) int64) (*scanned, error) {
	s := &scanned{values: map[string]extent{}}
	w := &window{source: r, size: size, next: next}
	for at := int64(0); ; {
		found, err := w.find(at)
		if err != nil || found < 0 {
			return s, err
		}
		value, err := w.value(found)
		if err != nil {
			return s, err
		}
		if value == nil || !s.take(value, found) {
			at = found + 1
			continue
		}
		at = found + int64(len(value))
	}
}

// take notes a value that is whole, and reports whether it is.
func (s *scanned) take(value []byte, offset int64) bool {
	where := extent{offset: offset, length: len(value)}
	if string(value[:4]) == groupMagic {
		g, err := decodeGroup(bytes.Clone(value))
		if err != nil {
			return false
		}
		if _, twice := s.values[groupKey(g.number)]; twice {
			return true
		}
		s.values[groupKey(g.number)] = where
		s.groups = append(s.groups, foundGroup{groupRecord: g, hash: hashGroup(value)})
		return true
	}
	h, err := buffer.ParseHeader(value)
	if err != nil {
		return false
	}
	s.values[blockKey(h.Lane, h.First, h.Count)] = where
	s.blocks = append(s.blocks, h)
	return true
}

// window is a sliding view of a file.
type window struct {
	source io.ReaderAt
	size   int64
	next   func(at int64) int64
	start  int64 // of data in the file
	data   []byte
	memory []byte
}

// fill makes n bytes from offset on visible, or as many as the file has.
func (w *window) fill(offset int64, n int) error {
	if offset >= w.start && offset+int64(n) <= w.start+int64(len(w.data)) {
		return nil
	}
	n = int(min(int64(max(n, minWindow)), w.size-offset))
	if cap(w.memory) < n {
		w.memory = make([]byte, n)
	}
	w.start, w.data = offset, w.memory[:n]
	got, err := w.source.ReadAt(w.data, offset)
	w.data = w.data[:got]
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return err
}

// find returns the offset of the first magic at or after at, or -1.
func (w *window) find(at int64) (int64, error) {
	for at+4 <= w.size {
		if err := w.fill(at, 4); err != nil {
			return -1, err
		}
		view := w.data[at-w.start:]
		if len(view) < 4 {
			return -1, nil
		}
		i := bytes.Index(view, []byte("HY"))
		if i < 0 || i+4 > len(view) {
			at = w.leap(at + int64(len(view)-3)) // a magic may begin in the last three bytes
			continue
		}
		if m := string(view[i : i+4]); m == groupMagic || m == buffer.Magic {
			return at + int64(i), nil
		}
		at += int64(i) + 2
	}
	return -1, nil
}

// leap returns at, or where the hole ends that at lies in. A file system that takes for a hole what was written last is not
// believed: the whole window must be zeros too.
func (w *window) leap(at int64) int64 {
	if len(w.data) < minWindow || !allZeros(w.data) {
		return at
	}
	return max(at, min(w.next(at), w.size))
}

// value returns the bytes of the value that seems to begin at offset, or nil where the file is too short for it.
func (w *window) value(offset int64) ([]byte, error) {
	if err := w.fill(offset, buffer.HeaderSize); err != nil {
		return nil, err
	}
	head := w.data[offset-w.start:]
	var length int64
	switch {
	case len(head) >= groupHeaderSize && string(head[:4]) == groupMagic:
		length = groupHeaderSize + int64(binary.LittleEndian.Uint32(head[28:]))
	case len(head) >= buffer.HeaderSize && string(head[:4]) == buffer.Magic:
		length = buffer.HeaderSize + int64(binary.LittleEndian.Uint32(head[56:]))
	default:
		return nil, nil
	}
	if offset+length > w.size {
		return nil, nil
	}
	if err := w.fill(offset, int(length)); err != nil {
		return nil, err
	}
	if view := w.data[offset-w.start:]; int64(len(view)) >= length {
		return view[:length], nil
	}
	return nil, nil
}
