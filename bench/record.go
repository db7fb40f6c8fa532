package bench

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// The fixed parts of a record's form, in order.
const (
	beforeRun      = `{"run":"`
	beforeProducer = `","producer":`
	beforeN        = `,"n":`
	beforeKey      = `,"key":"`
	afterKey       = `","`
	beforePad      = `pad":"`
	afterPad       = `"`
	beforeData     = `data":` // in place of the pad: a value of the user's
	beforeSum      = `,"sum":"`
	afterSum       = `"}`

	runDigits = 16
	sumDigits = 16
	tailSize  = len(beforeSum) + sumDigits + len(afterSum)

	// fixedSize is that of a record without a pad, but for its producer, n and key.
	fixedSize = len(beforeRun) + runDigits + len(beforeProducer) + len(beforeN) + len(beforeKey) + len(afterKey) +
		len(beforePad) + len(afterPad) + tailSize

	// maxEnvelope bounds what a record takes beside its data, whatever the options are.
	maxEnvelope = fixedSize + len("99999") + len("18446744073709551615") + len("k999999")
)

// minRecordSize is how small a record can be that says who it is, among a producer's first ten billion: some 100 bytes.
func (o *Options) minRecordSize() int {
	return fixedSize + len(strconv.Itoa(o.Connections-1)) + len("9999999999") + len("k") + len(strconv.Itoa(o.Keys-1))
}

// A record is what one of our records says about itself. The slices are views into the line it was read from.
type record struct {
	run      []byte
	producer int
	n        uint64
	key      []byte
}

// parseRecord reads one line without its line feed. Whole says that the line is one of our records, unchanged; if it is
// not, r holds what could be read of its identity, with an empty run if nothing could.
func parseRecord(line []byte) (r record, whole bool) {
	body, sum, tail := cutSum(line)
	r, read := parseIdentity(body)
	return r, read && tail && xxhash.Sum64(body) == sum
}

// cutSum takes the sum and what follows it off a record.
func cutSum(line []byte) (body []byte, sum uint64, ok bool) {
	if len(line) < tailSize {
		return line, 0, false
	}
	body, tail := line[:len(line)-tailSize], line[len(line)-tailSize:]
	digits, ok := bytes.CutPrefix(tail, []byte(beforeSum))
	if !ok {
		return line, 0, false
	}
	digits, ok = bytes.CutSuffix(digits, []byte(afterSum))
	if !ok {
		return line, 0, false
	}
	var raw [sumDigits / 2]byte
	if _, err := hex.Decode(raw[:], digits); err != nil || bytes.ContainsAny(digits, "ABCDEF") {
		return line, 0, false
	}
	return body, binary.BigEndian.Uint64(raw[:]), true
}

// parseIdentity reads a record up to its key.
func parseIdentity(body []byte) (r record, ok bool) {
	rest, ok := bytes.CutPrefix(body, []byte(beforeRun))
	if !ok {
		return record{}, false
	}
	run, rest, ok := bytes.Cut(rest, []byte(beforeProducer))
	if !ok {
		return record{}, false
	}
	producer, rest, ok := cutNumber(rest, beforeN)
	if !ok || producer > maxConnections {
		return record{}, false
	}
	n, rest, ok := cutNumber(rest, beforeKey)
	if !ok {
		return record{}, false
	}
	key, rest, ok := bytes.Cut(rest, []byte(afterKey))
	if !ok || !bytes.HasPrefix(rest, []byte(beforePad)) && !bytes.HasPrefix(rest, []byte(beforeData)) {
		return record{}, false
	}
	return record{run: run, producer: int(producer), n: n, key: key}, true
}

// cutNumber reads a decimal number without sign or leading zeros, and the fixed part after it.
func cutNumber(b []byte, after string) (number uint64, rest []byte, ok bool) {
	end := 0
	for end < len(b) && end < 19 && b[end] >= '0' && b[end] <= '9' { // 19 digits always fit
		number = number*10 + uint64(b[end]-'0')
		end++
	}
	if end == 0 || (b[0] == '0' && end > 1) {
		return 0, nil, false
	}
	rest, ok = bytes.CutPrefix(b[end:], []byte(after))
	return number, rest, ok
}

// looksOurs says that a line that is no whole record was one, as far as its form tells.
func looksOurs(line []byte) bool {
	return bytes.HasPrefix(line, []byte(beforeRun)) && bytes.Contains(line, []byte(beforeSum))
}
