package delivery

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"hydrant/buffer"
	"hydrant/delivery/format"
	"hydrant/partitioner"
)

// object gathers the outputs of one partition. While it is open it is its lane's alone. It holds compressed chunks and
// an uncompressed tail of less than chunkSize, so that an open object costs no compressor.
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

	tail     tail
	head     []byte // of a finished object
	chunks   Body
	spilled  []extent // where the first of the chunks lie in scratch
	sum      *xxhash.Digest
	crc      uint32
	stored   int64 // bytes of chunks
	memory   int64 // held by all of the object
	finished bool
	reason   string // of the seal; empty while the object is open

	links  [2]links   // in the lane's list of open ones
	looked buffer.Seq // of last, when that list was last looked through for cold ones
	cold   bool       // it waits for the longer interval

	entry    *entry // of the ledger
	manifest *Manifest
	doubtful bool // an attempt may have created it at the manifest's destination
}

// chunkSize is where the tail is compressed.
const chunkSize = 256 << 10

// objectOverhead is about what an object takes beside its bytes, its entries in the ledger and in maps included.
const objectOverhead = 1 << 10

// packings hold a tail in one piece, and what becomes of it. They are reused: fresh memory is dear.
var packings = sync.Pool{New: func() any { return new(packing) }}

type packing struct{ raw, packed []byte }

// write adds an output whole and returns how much more memory the object holds now.
func (o *object) write(out *partitioner.Output, delimiter []byte) int64 {
	before, data := o.memory, out.Data
	held, size := o.tail.held(), o.tail.size
	o.tail.append(data)
	if len(delimiter) > 0 && !bytes.HasSuffix(data, delimiter) {
		o.tail.append(delimiter)
	}
	o.memory += o.tail.held() - held
	o.bytes += int64(o.tail.size - size)
	o.outputs++
	if out.Extra {
		o.extra++
	}
	if o.tail.size >= chunkSize {
		o.cut()
	}
	return o.memory - before
}

// cut compresses the tail.
func (o *object) cut() {
	p := packings.Get().(*packing)
	defer packings.Put(p)
	p.raw = o.tail.appendTo(p.raw[:0])
	o.memory -= o.tail.held()
	o.tail.release()
	_, _ = o.sum.Write(p.raw) // never fails
	o.crc = crc32.Update(o.crc, crc32.IEEETable, p.raw)
	p.packed = o.rules.codec.Chunk(p.packed[:0], p.raw)
	o.keep(bytes.Clone(p.packed))
}

func (o *object) keep(chunk []byte) {
	o.chunks = append(o.chunks, chunk)
	o.stored += int64(len(chunk))
	o.memory += int64(len(chunk))
}

// finish closes the object: its body and its checksum are final. It returns how much more memory it holds.
func (o *object) finish() int64 {
	before := o.memory
	if o.finished {
		return 0
	}
	if o.tail.size > 0 {
		o.cut()
	}
	o.finished = true
	head, tail := o.rules.codec.Wrap(format.Totals{Bytes: o.bytes, CRC32: o.crc, Stored: o.stored})
	o.head = head
	o.keep(tail)
	return o.memory - before
}

// body is what a finished object uploads.
func (o *object) body() Body { return append(Body{o.head}, o.chunks...) }

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
