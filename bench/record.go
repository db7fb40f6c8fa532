package bench

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// The fixed parts of a record's form, in order.
const (
	beforeRun      = `{"run":"`
	beforeProducer = `","producer":`
	beforeN        = `,"n":`
	beforeKey      = `,"key":"`
	beforePad      = `","pad":"`
	beforeSum      = `","sum":"`
	afterSum       = `"}`

	sumDigits = 16
	tailSize  = len(beforeSum) + sumDigits + len(afterSum)
)

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

// parseIdentity reads a record up to its pad.
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
	key, _, ok := bytes.Cut(rest, []byte(beforePad))
	if !ok {
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

// An author writes the records of one producer. It allocates nothing per record.
type author struct {
	head   []byte   // up to n
	keys   []string // values of the key, one is drawn for each record
	size   int      // of a record in bytes
	random *rand.PCG
}

func newAuthor(run string, producer, size int, keys []string) *author {
	head := append([]byte(beforeRun), run...)
	head = append(head, beforeProducer...)
	head = strconv.AppendInt(head, int64(producer), 10)
	head = append(head, beforeN...)
	return &author{head: head, keys: keys, size: size, random: rand.NewPCG(xxhash.Sum64String(run), uint64(producer))}
}

// append writes record n, of exactly the author's size, without a line feed.
func (a *author) append(dst []byte, n uint64) []byte {
	start := len(dst)
	dst = append(dst, a.head...)
	dst = strconv.AppendUint(dst, n, 10)
	dst = append(dst, beforeKey...)
	dst = append(dst, a.keys[a.random.Uint64()%uint64(len(a.keys))]...)
	dst = append(dst, beforePad...)
	dst = a.appendWords(dst, start+a.size-tailSize-len(dst))
	sum := xxhash.Sum64(dst[start:])
	dst = append(dst, beforeSum...)
	dst = hex.AppendEncode(dst, binary.BigEndian.AppendUint64(make([]byte, 0, 8), sum))
	return append(dst, afterSum...)
}

// appendWords adds size bytes of words. Eleven random bits make eight bytes, whatever the compressor's window is: text
// copied from a large table instead would compress to nothing where the window is larger than the table.
func (a *author) appendWords(dst []byte, size int) []byte {
	const (
		stride = 64 / wordBits * 8 // bytes from one random number
		mask   = 1<<wordBits - 1
	)
	at, end := len(dst), len(dst)+size
	dst = slices.Grow(dst, size+stride)[:end+stride] // the last words may go too far
	for ; at < end; at += stride {
		out, random := (*[stride]byte)(dst[at:]), a.random.Uint64()
		binary.LittleEndian.PutUint64(out[0:], words[random&mask])
		binary.LittleEndian.PutUint64(out[8:], words[random>>wordBits&mask])
		binary.LittleEndian.PutUint64(out[16:], words[random>>(2*wordBits)&mask])
		binary.LittleEndian.PutUint64(out[24:], words[random>>(3*wordBits)&mask])
		binary.LittleEndian.PutUint64(out[32:], words[random>>(4*wordBits)&mask])
	}
	return dst[:end]
}

// keyNames are the values of the key: k0 to k9, or k00 to k15.
func keyNames(count int) []string {
	width := len(strconv.Itoa(count - 1))
	names := make([]string, count)
	for i := range names {
		digits := strconv.Itoa(i)
		names[i] = "k" + "00000000"[:width-len(digits)] + digits
	}
	return names
}

const wordBits = 11

// words are pseudo-words of seven characters and a space, the same in every process. 16 KiB stay in the first-level cache.
var words = func() (w [1 << wordBits]uint64) {
	const consonants, vowels = "bcdfghklmnprstvz", "aeio"
	random := rand.NewPCG(1, 2)
	for i := range w {
		var word [8]byte
		for j := range word {
			letters := consonants
			if j%2 == 1 {
				letters = vowels
			}
			word[j] = letters[random.Uint64()%uint64(len(letters))]
		}
		word[6], word[7] = byte('0'+random.Uint64()%10), ' '
		w[i] = binary.LittleEndian.Uint64(word[:])
	}
	return w
}()
