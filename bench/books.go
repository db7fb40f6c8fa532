package bench

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// books hold what the ledgers say of every record, and what was found of it: three bits a record. They are filled from
// the ledgers first; then mark may be called by any number of goroutines at once.
type books struct {
	runs map[string]*runBook
}

type runBook struct {
	batch     uint64 // records of a request at most
	producers []producerBook
}

// A producerBook is one producer's page. A record in neither of the first two maps is of unknown outcome.
type producerBook struct {
	run      string
	producer int

	next           uint64 // the lowest n that the ledger does not name
	acked, refused bitmap
	found          bitmap // of every n that may have been sent: the request in flight at the end is not in the ledger
}

func newBooks() *books { return &books{runs: map[string]*runBook{}} }

// enter takes one line of a ledger. Lines come in the ledger's order: a producer's ranges follow each other without a
// gap, and no range is larger than a request, so a line too few or too many shows.
func (b *books) enter(line ledgerLine) error {
	run := b.runs[line.run]
	if line.start {
		return b.begin(run, line)
	}
	if run == nil {
		return fmt.Errorf("run %s has not begun: the ledger's beginning is missing", line.run)
	}
	if line.producer >= len(run.producers) {
		return fmt.Errorf("run %s has %d producers and none numbered %d", line.run, len(run.producers), line.producer)
	}
	page := &run.producers[line.producer]
	if line.from != page.next {
		return fmt.Errorf("run %s, producer %d goes on at %d, but %d is next: lines are missing or doubled",
			line.run, line.producer, line.from, page.next)
	}
	if line.to <= line.from || line.to-line.from > run.batch {
		return fmt.Errorf("run %s, producer %d: %d to %d is not 1 to %d records",
			line.run, line.producer, line.from, line.to, run.batch)
	}
	switch line.outcome {
	case acked:
		page.acked = page.acked.setRange(line.from, line.to)
	case refused:
		page.refused = page.refused.setRange(line.from, line.to)
	}
	page.next = line.to
	return nil
}

func (b *books) begin(run *runBook, line ledgerLine) error {
	if run != nil {
		return fmt.Errorf("run %s begins twice: a ledger is given twice, or copied into another", line.run)
	}
	if line.producers < 1 || line.producers > maxConnections || line.batch < 1 || line.batch > maxNativeBatch {
		return fmt.Errorf("run %s: %d producers with a batch of %d are not 1 to %d with 1 to %d",
			line.run, line.producers, line.batch, maxConnections, maxNativeBatch)
	}
	run = &runBook{batch: uint64(line.batch), producers: make([]producerBook, line.producers)}
	for i := range run.producers {
		run.producers[i].run, run.producers[i].producer = line.run, i
	}
	b.runs[line.run] = run
	return nil
}

// close makes room for what will be found.
func (b *books) close() {
	for _, run := range b.runs {
		for i := range run.producers {
			run.producers[i].found = newBitmap(run.producers[i].next + run.batch)
		}
	}
}

// pages goes through all producers, in the order of their runs' names.
func (b *books) pages() iter.Seq[*producerBook] {
	return func(yield func(*producerBook) bool) {
		for _, name := range slices.Sorted(maps.Keys(b.runs)) {
			run := b.runs[name]
			for i := range run.producers {
				if !yield(&run.producers[i]) {
					return
				}
			}
		}
	}
}

// forget takes back all marks.
func (b *books) forget() {
	for page := range b.pages() {
		clear(page.found)
	}
}

// mentions says whether a line holds the name of a run we know.
func (b *books) mentions(line []byte) bool {
	for run := range b.runs {
		if bytes.Contains(line, []byte(run)) {
			return true
		}
	}
	return false
}

// A finding is what a whole record's presence means.
type finding int

const (
	expected   finding = iota // it was acknowledged
	possible                  // its outcome is unknown
	forbidden                 // it was refused
	surplus                   // it had been found before
	impossible                // it was never sent
	notOurs                   // no ledger names its run
)

// mark notes that a record was found.
func (b *books) mark(r record) finding {
	run := b.runs[string(r.run)]
	switch {
	case run == nil:
		return notOurs
	case r.producer >= len(run.producers):
		return impossible
	}
	page := &run.producers[r.producer]
	switch {
	case r.n >= page.next+run.batch:
		return impossible
	case page.found.setOnce(r.n):
		return surplus
	case page.acked.has(r.n):
		return expected
	case page.refused.has(r.n):
		return forbidden
	}
	return possible
}

// A tally sums up the books.
type tally struct{ acked, refused, unknown, lost int64 }

// sum counts the records of the ledgers, and the acknowledged ones that were not found, of which it shows each range.
func (b *books) sum(lost func(p *producerBook, from, to uint64)) (t tally) {
	for p := range b.pages() {
		ackedHere, refusedHere := p.acked.count(), p.refused.count()
		t.acked += ackedHere
		t.refused += refusedHere
		t.unknown += int64(p.next) - ackedHere - refusedHere
		t.lost += p.acked.without(p.found, func(from, to uint64) { lost(p, from, to) })
	}
	return t
}
