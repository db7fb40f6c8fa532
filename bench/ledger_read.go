package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strconv"
)

var errLedgerLine = errors.New("it is not a ledger line, or damaged")

// parseLedgerLine reads a line without its line feed. It accepts exactly what appendTo writes.
func parseLedgerLine(text []byte) (ledgerLine, error) {
	cut := bytes.LastIndexByte(text, ' ')
	if cut < 0 || len(text)-cut-1 != 8 {
		return ledgerLine{}, errLedgerLine
	}
	check, err := strconv.ParseUint(string(text[cut+1:]), 16, 32)
	if err != nil || uint32(check) != crc32.Checksum(text[:cut], castagnoli) {
		return ledgerLine{}, errLedgerLine
	}
	line, ok := parseLedgerFields(bytes.Split(text[:cut], []byte(" ")))
	if !ok || !bytes.Equal(bytes.TrimSuffix(line.appendTo(nil), []byte("\n")), text) {
		return ledgerLine{}, errLedgerLine
	}
	return line, nil
}

func parseLedgerFields(fields [][]byte) (line ledgerLine, ok bool) {
	if len(fields) < 4 || len(fields[1]) == 0 {
		return line, false
	}
	var numbers [3]uint64
	if len(fields) > 2+len(numbers) {
		return line, false
	}
	for i, field := range fields[2:] {
		number, err := strconv.ParseUint(string(field), 10, 62)
		if err != nil {
			return line, false
		}
		numbers[i] = number
	}
	line.run = string(fields[1])
	if string(fields[0]) == "run" {
		line.start, line.producers, line.batch = true, int(numbers[0]), int(numbers[1])
		return line, len(fields) == 4
	}
	line.producer, line.from, line.to = int(numbers[0]), numbers[1], numbers[2]
	for line.outcome = range outcomes {
		if line.outcome.String() == string(fields[0]) {
			return line, len(fields) == 5
		}
	}
	return line, false
}

// readLedgers makes the books of everything that the ledgers say. A torn last line, as a kill may leave it, counts for
// nothing: its records are of unknown outcome.
func readLedgers(paths []string) (*books, error) {
	b := newBooks()
	for _, path := range paths {
		if err := readLedger(b, path); err != nil {
			return nil, fmt.Errorf("ledger %s: %w", path, err)
		}
	}
	b.close()
	return b, nil
}

func readLedger(b *books, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	reader := bufio.NewReaderSize(file, 64<<10)
	for number := 1; ; number++ {
		text, err := reader.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		line, err := parseLedgerLine(text[:len(text)-1])
		if err == nil {
			err = b.enter(line)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
}
