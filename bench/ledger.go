package bench

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strconv"
	"sync"

	"github.com/gofrs/flock"
)

// An outcome is what became of a record, as far as its producer knows.
type outcome uint8

const (
	acked   outcome = iota // the gateway said that it has it
	refused                // the gateway said that it has not, or was never reached
	unknown                // no answer, or one that leaves it open
	outcomes
)

func (o outcome) String() string { return [outcomes]string{"acked", "refused", "unknown"}[o] }

// A ledgerLine is one line of a ledger: the start of a run, or the outcome of a range of its records.
type ledgerLine struct {
	run string

	start     bool // of a run; then only the next two count
	producers int
	batch     int // records of a request at most

	outcome  outcome
	producer int
	from, to uint64 // from <= n < to
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendTo writes the line with its check and line feed.
func (l ledgerLine) appendTo(dst []byte) []byte {
	start := len(dst)
	if l.start {
		dst = append(append(dst, "run "...), l.run...)
		dst = appendField(dst, uint64(l.producers))
		dst = appendField(dst, uint64(l.batch))
	} else {
		dst = append(append(dst, l.outcome.String()...), ' ')
		dst = append(dst, l.run...)
		dst = appendField(dst, uint64(l.producer))
		dst = appendField(dst, l.from)
		dst = appendField(dst, l.to)
	}
	return appendCheck(dst, start)
}

// appendCheck ends a line that began at start.
func appendCheck(dst []byte, start int) []byte {
	check := crc32.Checksum(dst[start:], castagnoli)
	dst = append(dst, ' ')
	for shift := 28; shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[check>>shift&15])
	}
	return append(dst, '\n')
}

func appendField(dst []byte, number uint64) []byte {
	return strconv.AppendUint(append(dst, ' '), number, 10)
}

// A ledger is the file that a run appends to. Append may be called by all producers at once.
type ledger struct {
	file *os.File
	lock *flock.Flock
	run  string

	mu     sync.Mutex // for a write and its outcome
	failed error      // of a write; behind what it left, which may be half a line, nothing more is written
}

// openLedger appends the start of a run to the file, which it makes if need be. One run at a time may have it open. The
// torn line that a power cut may have left at its end is removed: nobody was told that it was there.
func openLedger(path, run string, producers, batch int) (*ledger, error) {
	lock := flock.New(path, flock.SetPermissions(0o644))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock ledger: %w", err)
	}
	if !locked {
		return nil, fmt.Errorf("ledger %s is in use by another run: give each its own", path)
	}
	file, err := openWhole(path)
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	l := &ledger{file: file, lock: lock, run: run}
	start := ledgerLine{run: run, start: true, producers: producers, batch: batch}
	if _, err := file.Write(start.appendTo(nil)); err != nil {
		return nil, errors.Join(fmt.Errorf("write ledger: %w", err), l.close())
	}
	return l, nil
}

// openWhole opens a ledger for appending, cut after its last whole line.
func openWhole(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	size, err := wholeLines(file)
	if err == nil {
		err = file.Truncate(size)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger %s: %w", path, err), file.Close())
	}
	return file, nil
}

// wholeLines is the file's size up to its last line feed. A line is far shorter than what is looked at.
func wholeLines(file *os.File) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	var tail [4096]byte
	from := max(0, info.Size()-int64(len(tail)))
	n, err := file.ReadAt(tail[:], from)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	feed := bytes.LastIndexByte(tail[:n], '\n')
	if feed < 0 && from > 0 {
		return 0, errors.New("it has a line of more than 4,096 bytes and is no ledger")
	}
	return from + int64(feed) + 1, nil
}

// append writes the outcomes of one request with one write, and returns when the kernel has them: from then on a kill
// of this process loses nothing of them. Once it has failed it always fails. Scratch is reused and returned.
func (l *ledger) append(scratch []byte, producer int, first uint64, parts []part) ([]byte, error) {
	if l == nil {
		return scratch, nil
	}
	scratch = scratch[:0]
	for _, p := range parts {
		line := ledgerLine{run: l.run, outcome: p.outcome, producer: producer, from: first, to: first + uint64(p.records)}
		scratch = line.appendTo(scratch)
		first = line.to
	}
	return scratch, l.write(scratch)
}

func (l *ledger) write(lines []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return l.failed
	}
	if _, err := l.file.Write(lines); err != nil {
		l.failed = fmt.Errorf("write ledger: %w", err)
	}
	return l.failed
}

// close syncs the ledger and lets go of it.
func (l *ledger) close() error {
	if l == nil {
		return nil
	}
	if err := errors.Join(l.file.Sync(), l.file.Close(), l.lock.Unlock()); err != nil {
		return fmt.Errorf("close ledger: %w", err)
	}
	return nil
}
