package delivery

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/cespare/xxhash/v2"

	"hydrant/buffer"
	"hydrant/delivery/format"
	"hydrant/partitioner"
)

// object gathers the outputs of one partition. While it is open it is its lane's alone. It holds chunks, compressed or about
// to be, and an uncompressed tail of less than chunkSize, so that an open object costs no compressor.
type object struct {
	rules     *rules
	partition string
	prefix    string
	failure   string // the error output type; empty for data
	first     buffer.Seq
	last      buffer.Seq
	arrival   int64     // of the oldest record, Unix milliseconds
	opened    time.Time // by the monotonic clock
	spread    uint16    // 0 to 1023, by the partition
	outputs   int64
	extra     int64 // of the outputs, see partitioner.Output
	bytes     int64

	tail    tail
	summed  int // bytes of the tail that are in the checksums
	chunks  []*chunk
	spilled []extent // where the first of the chunks lie in scratch
	sum     *xxhash.Digest
	crc     uint32
	stored  int64  // what the chunks count for
	memory  int64  // held by all of the object
	reason  string // of the seal; empty while the object is open

	links  [2]links   // in the lane's list of open ones
	looked buffer.Seq // of last, when that list was last looked through for cold ones
	cold   bool       // it waits for the longer interval

	entry    *entry // of the ledger
	manifest *Manifest
	doubtful bool // an attempt may have created it at the manifest's destination
	begun    bool // the last attempt came as far as the object
}

// objectOverhead is about what an object takes beside its bytes, its entries in the ledger and in maps included.
const objectOverhead = 1 << 10

// write adds an output whole and returns how much more memory the object holds now.
func (o *object) write(out *partitioner.Output, delimiter []byte) int64 {
	data := out.Data
	held, size := o.tail.held(), o.tail.size
	o.tail.append(data)
	if len(delimiter) > 0 && !bytes.HasSuffix(data, delimiter) {
		o.tail.append(delimiter)
	}
	if o.tail.size-o.summed >= pageSize { // while they are in the processor's cache
		o.sumUp()
	}
	more := o.tail.held() - held
	o.memory += more
	o.bytes += int64(o.tail.size - size)
	o.outputs++
	if out.Extra {
		o.extra++
	}
	return more
}

// widen gives an empty tail all its room at once and returns how much more memory the object holds now.
func (o *object) widen() int64 {
	more := o.tail.widen()
	o.memory += more
	return more
}

// sumUp takes what is new in the tail into the checksums.
func (o *object) sumUp() {
	for piece := range o.tail.piecesFrom(o.summed) {
		_, _ = o.sum.Write(piece) // never fails
		o.crc = crc32.Update(o.crc, crc32.IEEETable, piece)
	}
	o.summed = o.tail.size
}

// takeTail takes the tail off the object. The object goes on counting it.
func (o *object) takeTail() tail {
	o.sumUp()
	taken := o.tail
	o.tail, o.summed = tail{}, 0
	return taken
}

// wrap returns what stands before and behind the chunks of an object that is complete. It waits for them.
func (o *object) wrap() (head, tail []byte) {
	t := format.Totals{Bytes: o.bytes, CRC32: o.crc}
	for _, c := range o.chunks {
		t.Stored += int64(len(c.compressed()))
	}
	return o.rules.codec.Wrap(t)
}

// body is what an object that is complete uploads. It waits for its chunks.
func (o *object) body() Body {
	head, tail := o.wrap()
	body := Body{head}
	for _, c := range o.chunks {
		body = append(body, c.compressed())
	}
	return append(body, tail)
}

func (o *object) checksum() string { return checksumText(o.sum.Sum64()) }

func checksumText(sum uint64) string { return fmt.Sprintf("xxh64:%016x", sum) }

// dueIn is how long the object may stay open yet, by whichever clock is further: a wall clock that jumps back must not
// keep records waiting. Objects that were opened together become due up to a twentieth of the interval apart.
func (o *object) dueIn(now time.Time, interval time.Duration) time.Duration {
	spread := time.Duration(o.spread) * (interval / 20) / 1024
	age := max(now.Sub(time.UnixMilli(o.arrival)), now.Sub(o.opened))
	return interval - spread - age
}

func newObject(r *rules, partition string, record buffer.Record, out *partitioner.Output) *object {
	return &object{
		rules:     r,
		partition: partition,
		prefix:    string(out.Prefix),
		failure:   out.Error,
		first:     record.Seq,
		looked:    record.Seq,
		arrival:   record.Arrival,
		spread:    uint16(xxhash.Sum64String(partition) % 1024),
		opened:    time.Now(),
		sum:       xxhash.New(),
		memory:    objectOverhead,
	}
}
