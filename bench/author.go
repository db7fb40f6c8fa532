package bench

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// A material is what the records of a load are made of. It is shared by all authors and does not change.
type material struct {
	size, maxSize int       // of records in bytes; each size between them is as frequent
	keys          []string  // values of the key
	shares        []float64 // of the keys up to each one, the last is 1; nil if all are as frequent
	data          [][]byte  // compact JSON values that take the place of the pad; with them the sizes mean nothing
}

func newMaterial(o Options) (material, error) {
	data, err := readInput(o.Input)
	if err != nil {
		return material{}, err
	}
	m := material{size: o.Size, maxSize: max(o.Size, o.MaxSize), keys: keyNames(o.Keys), data: data}
	if o.Skew > 0 {
		m.shares = zipf(o.Keys, o.Skew)
	}
	return m, o.checkBatchSize(m.largest())
}

// largest bounds the size of a record.
func (m material) largest() int {
	if len(m.data) == 0 {
		return m.maxSize
	}
	largest := slices.MaxFunc(m.data, func(a, b []byte) int { return cmp.Compare(len(a), len(b)) })
	return len(largest) + maxEnvelope
}

// zipf is the shares of count keys up to each one, where key i is drawn 1/(i+1)^skew times as often as the first.
func zipf(count int, skew float64) []float64 {
	shares := make([]float64, count)
	sum := 0.0
	for i := range shares {
		sum += math.Pow(float64(i+1), -skew)
		shares[i] = sum
	}
	for i := range shares {
		shares[i] /= sum
	}
	shares[count-1] = 1
	return shares
}

// An author writes the records of one producer. It allocates nothing per record.
type author struct {
	material
	head   []byte // up to n
	offset uint64 // of the first record's data
	random *rand.PCG
	sizes  []int // of the records written since the producer last emptied it
}

func newAuthor(run string, producer int, m material) *author {
	head := append([]byte(beforeRun), run...)
	head = append(head, beforeProducer...)
	head = strconv.AppendInt(head, int64(producer), 10)
	head = append(head, beforeN...)
	a := &author{material: m, head: head, random: rand.NewPCG(xxhash.Sum64String(run), uint64(producer))}
	if len(m.data) > 0 {
		a.offset = a.random.Uint64() % uint64(len(m.data)) // producers begin at different places
	}
	return a
}

// append writes record n without a line feed.
func (a *author) append(dst []byte, n uint64) []byte {
	start := len(dst)
	dst = append(dst, a.head...)
	dst = strconv.AppendUint(dst, n, 10)
	dst = append(dst, beforeKey...)
	dst = append(dst, a.key()...)
	dst = append(dst, afterKey...)
	if len(a.data) > 0 {
		dst = append(dst, beforeData...)
		dst = append(dst, a.data[(a.offset+n)%uint64(len(a.data))]...)
	} else {
		dst = append(dst, beforePad...)
		dst = a.appendWords(dst, max(0, start+a.recordSize()-len(afterPad)-tailSize-len(dst)))
		dst = append(dst, afterPad...)
	}
	sum := xxhash.Sum64(dst[start:])
	dst = append(dst, beforeSum...)
	dst = hex.AppendEncode(dst, binary.BigEndian.AppendUint64(make([]byte, 0, 8), sum))
	dst = append(dst, afterSum...)
	a.sizes = append(a.sizes, len(dst)-start)
	return dst
}

func (a *author) key() string {
	random := a.random.Uint64()
	if a.shares == nil {
		return a.keys[random%uint64(len(a.keys))]
	}
	const unit = 1.0 / (1 << 53)
	i, _ := slices.BinarySearch(a.shares, float64(random>>11)*unit)
	return a.keys[i]
}

func (a *author) recordSize() int {
	if a.maxSize == a.size {
		return a.size
	}
	return a.size + int(a.random.Uint64()%uint64(a.maxSize-a.size+1))
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
