package badgerlog

import (
	"os"
	"path/filepath"
	"sync/atomic"
)

// Badger writes through mappings. The first store to a page of a file that was only allocated makes that page, and the
// kernel makes it part of a folio of up to a megabyte, of which every sync writes the whole. Groups of 200 kB were seen to
// write five times their size, and to take three times as long as on pages that lay in small folios already. So a
// generation for such groups is written with zeros before it is used, beside the way of the records. Larger groups gain
// less than they would pay, and small ones wait for the disk's answer, whatever is written.

const (
	preparedFrom = 64 << 10 // stored bytes of a group
	preparedTo   = 1 << 20
	valuesFolio  = 64 << 10 // written at once; a folio is not larger
	entriesFolio = 4 << 10  // of the WAL, of which a group touches a page or two
	preparedStep = 4 << 20  // synced at once: the records' syncs wait for no more than that
	filePage     = 4 << 10  // at a file's beginning, which is Badger's
)

// smoothed is a smoothed measurement. One goroutine measures, any may read.
type smoothed struct{ value atomic.Int64 }

func (s *smoothed) measure(v int64) {
	before := s.value.Load()
	if before == 0 {
		before = v
	}
	s.value.Store(before + (v-before)/smoothing)
}

// worthPreparing reports whether groups of the size seen last gain by it.
func (c *committer) worthPreparing() bool {
	group := c.group.value.Load()
	return group >= preparedFrom && group < preparedTo
}

// prepare writes zeros over the allocated space of a generation that holds nothing yet, until quit is closed: what is left
// then costs time, and nothing else.
func (g *generation) prepare(quit <-chan struct{}) error {
	err := zero(filepath.Join(g.dir, walName), walSpace(g.slots), entriesFolio, quit)
	if err != nil {
		return err
	}
	g.prepared = true
	return zero(filepath.Join(g.dir, vlogName), g.capacity, valuesFolio, quit)
}

func zero(path string, size int64, folio int, quit <-chan struct{}) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	zeros := make([]byte, folio)
	for at := int64(filePage); at < size; at += int64(folio) {
		if _, err := f.WriteAt(zeros[:min(int64(folio), size-at)], at); err != nil {
			return err
		}
		if at/preparedStep == (at+int64(folio))/preparedStep {
			continue
		}
		select {
		case <-quit:
			return nil
		default:
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return f.Sync()
}
