package badgerlog

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
)

// Badger writes through mappings. The first store to a page of a file that was only allocated has the kernel read it, with
// many around it, into one folio of up to a megabyte, of which every sync then writes the whole: groups of 64 kB were seen
// to write twenty times their size, and groups of 2 MB to take twice the processor time of an append. So the pages that a
// group needs are written with zeros just before Badger stores into them: no folio is larger than what is written at once,
// no page is read, and nothing but the group's own pages is dirty at its sync.
//
// Groups of a few kilobytes wait for the disk's answer alone, and that takes longer where the sync has also to note that
// blocks are written for the first time. Their pages are made some ahead, each a folio of its own, so that most syncs only
// write over them.
//
// Before a sync writes a page that is mapped, it write-protects it there, and has the other processors forget what they know
// of it: an interrupt for each page of a group, some 40 % of the sync's own processor time, and theirs. So the pages of larger
// groups are taken out of Badger's mapping just before the sync, all of them with one interrupt. They are the file's, and stay
// dirty.

const (
	pagesAtOnce = 64 << 10 // the largest folio
	smallGroup  = 16 << 10 // stored bytes; below it pages are made ahead, and stay mapped
	pagesAhead  = 64 << 10
)

// zeros are what pages are made of.
var zeros [pagesAtOnce]byte

// pages are those of a file that Badger writes from its beginning to its end. For one goroutine.
type pages struct {
	file *os.File
	made int64 // all below are made, or were there
}

// openPages begins behind what Badger has stored already, and has the kernel forget what it has read beyond: as long as a
// store finds pages, it reads no others.
func openPages(path string) (*pages, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &pages{file: f, made: firstHole(f)}, nil
}

// make makes the pages up to end, in folios of at most folio bytes. What is not certain to be a hole is left alone: it
// costs time there, and nothing else.
func (p *pages) make(end, folio int64) error {
	end = (end + pageSize - 1) / pageSize * pageSize
	if end <= p.made {
		return nil
	}
	start := p.made
	p.made = end
	if !isHole(p.file, start, end) {
		return nil
	}
	for at := start; at < end; {
		next := min((at+folio)/folio*folio, end) // aligned, as folios are
		if _, err := p.file.WriteAt(zeros[:next-at], at); err != nil {
			return err
		}
		at = next
	}
	return nil
}

func (p *pages) close() error {
	if p == nil {
		return nil
	}
	return p.file.Close()
}

// storing is where in its files Badger stores next, while a generation is written to.
type storing struct {
	offset     int64   // of the next value in the value log
	valuePages *pages  // of the value log
	entryPages *pages  // of the WAL
	mapped     mapping // of the value log
}

// openPages opens what makePages needs.
func (s *storing) openPages(dir string) (err error) {
	if s.valuePages, err = openPages(filepath.Join(dir, vlogName)); err != nil {
		return err
	}
	s.mapped = findMapping(s.valuePages.file)
	s.entryPages, err = openPages(filepath.Join(dir, walName))
	return err
}

// closePages must come before Badger is closed: other memory may lie where its mapping was.
func (s *storing) closePages() error {
	s.mapped = mapping{}
	err := errors.Join(s.valuePages.close(), s.entryPages.close())
	s.valuePages, s.entryPages = nil, nil
	return err
}

// makePages makes those that values will be stored in.
func (g *generation) makePages(values []value) error {
	before := g.offset
	for i := range values {
		g.offset += entrySize(len(values[i].key), len(values[i].data))
	}
	g.offset += entrySize(len("!badger!txn"), 6) // the transaction's end, with its number
	end, folio := g.offset, int64(pagesAtOnce)
	if end-before < smallGroup {
		folio = pageSize
		if end > g.valuePages.made {
			end += pagesAhead
		}
	}
	if err := g.valuePages.make(min(end, g.capacity), folio); err != nil {
		return err
	}
	entries := walHeaderSize + int64(g.entries)*slotBytes + badgerHeader
	if entries > g.entryPages.made {
		entries = min(entries+pagesAhead, walSpace(g.slots)) // a group touches one or two of them
	}
	return g.entryPages.make(entries, pageSize)
}

// unmap takes what was stored from begin on out of Badger's mapping, where that pays.
func (s *storing) unmap(begin int64) {
	if s.offset-begin >= smallGroup {
		s.mapped.unmap(begin, s.offset)
	}
}

// badgerHeader is the most that Badger puts before an entry, and clears behind the last one of its WAL.
const badgerHeader = 22

// entrySize is what a value takes of the value log, as Badger 4 writes it: two bytes of meta; uvarint lengths and expiry;
// key with its time; value; checksum.
func entrySize(key, data int) int64 {
	var b [binary.MaxVarintLen64]byte
	lengths := binary.PutUvarint(b[:], uint64(key+walTimeSize)) + binary.PutUvarint(b[:], uint64(data)) + 1
	return int64(2 + lengths + key + walTimeSize + data + crc32.Size)
}
