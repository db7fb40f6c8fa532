package delivery

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"
)

// Scratch keeps compressed parts of objects that memory has no room for. It need not survive the process: whatever is in
// it can be made again from the log, so nothing is synced. Its methods may be called at once.
//
// It is one sparse file, mapped to read as long as the process lives: what is read back takes page cache, never memory of
// the process, and an upload that was given up may go on reading for a moment without harm. Space is given out from one
// segment of the file after the other, and goes back to the disk when nothing in the segment is needed any more.
type Scratch struct {
	dir    string
	file   *os.File
	mapped []byte
	size   int64 // of a segment

	mu      sync.Mutex
	current *segment
	free    []*segment
	live    int64
}

// segment is a range of the file. Its fields are guarded by Scratch.mu.
type segment struct {
	start   int64
	used    int64
	extents int // that are needed
}

// extent is where a part lies. Its bytes are good until it is released.
type extent struct {
	segment *segment
	bytes   []byte
	sum     uint32
}

var (
	errScratchFull = errors.New("scratch is full")
	errNoScratch   = errors.New("there is no scratch")

	errScratchDamaged = errors.New("a part of an object in scratch is damaged")
)

const (
	largestSegment  = 64 << 20
	smallestSegment = 1 << 20
	scratchReserve  = 512 << 20 // stays free on the disk: the buffer needs it more
	scratchName     = "objects"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// OpenScratch empties dir, which must be the scratch's alone, and uses up to limit bytes below it.
func OpenScratch(dir string, limit int64) (*Scratch, error) {
	fail := func(err error) (*Scratch, error) { return nil, fmt.Errorf("scratch in %s: %w", dir, err) }
	if err := os.RemoveAll(dir); err != nil {
		return fail(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fail(err)
	}
	s := &Scratch{dir: dir, size: min(max(limit/8, smallestSegment), largestSegment)}
	for n := max(1, limit/s.size); n > 0; n-- {
		s.free = append(s.free, &segment{start: (n - 1) * s.size})
	}
	var err error
	if s.file, err = os.OpenFile(filepath.Join(dir, scratchName), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err != nil {
		return fail(err)
	}
	total := int64(len(s.free)) * s.size
	if err = s.file.Truncate(total); err == nil {
		s.mapped, err = mapFile(s.file, total)
	}
	if err != nil {
		return fail(errors.Join(err, s.file.Close(), os.RemoveAll(dir)))
	}
	return s, nil
}

// Used is how many bytes of parts are kept, and how many can be. A nil Scratch keeps nothing.
func (s *Scratch) Used() (kept, limit int64) {
	if s == nil {
		return 0, 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live, int64(len(s.mapped))
}

// put stores data. After an error nothing is stored.
func (s *Scratch) put(data []byte) (extent, error) {
	seg, offset, err := s.reserve(int64(len(data)))
	if err != nil {
		return extent{}, err
	}
	end := offset + int64(len(data))
	e := extent{segment: seg, bytes: s.mapped[offset:end:end], sum: crc32.Checksum(data, castagnoli)}
	if _, err := s.file.WriteAt(data, offset); err != nil {
		s.release(e)
		return extent{}, fmt.Errorf("write to scratch: %w", err)
	}
	return e, nil
}

// reserve finds room for n bytes.
func (s *Scratch) reserve(n int64) (*segment, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || s.current.used+n > s.size {
		if err := s.advance(n); err != nil {
			return nil, 0, err
		}
	}
	seg := s.current
	offset := seg.start + seg.used
	seg.used += n
	seg.extents++
	s.live += n
	return seg, offset, nil
}

// advance makes a free segment the current one, for n bytes at first. Called with mu held.
func (s *Scratch) advance(n int64) error {
	last := len(s.free) - 1
	if n > s.size || last < 0 {
		return errScratchFull
	}
	if left := freeSpace(s.dir); left < s.size+scratchReserve {
		return fmt.Errorf("%w: its disk has only %d bytes left", errScratchFull, left)
	}
	s.current, s.free = s.free[last], s.free[:last]
	return nil
}

// release gives an extent's room back. Its bytes mean nothing from then on.
func (s *Scratch) release(e extent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seg := e.segment
	s.live -= int64(len(e.bytes))
	seg.extents--
	if seg.extents > 0 {
		return
	}
	seg.used = 0
	if seg != s.current { // the current one is filled again: its pages are in the cache
		punch(s.file, seg.start, s.size)
		s.free = append(s.free, seg)
	}
}

// intact reports whether the disk gives back what was stored.
func (e extent) intact() bool { return crc32.Checksum(e.bytes, castagnoli) == e.sum }

// Close removes the file. The mapping stays until the process ends: a request that was given up may still be read.
func (s *Scratch) Close() error {
	if s == nil {
		return nil
	}
	return errors.Join(s.file.Close(), os.RemoveAll(s.dir))
}
