package delivery

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"slices"
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
	outputs   int64
	bytes     int64

	tail     []byte
	chunks   Body
	sum      *xxhash.Digest
	crc      uint32
	memory   int64 // held by tail and chunks
	finished bool
	reason   string // of the seal; empty while the object is open

	entry    *entry // of the ledger
	manifest *Manifest
	doubtful bool // an attempt may have created it at the manifest's destination
}

// chunkSize is where the tail is compressed. Cutting by size alone makes a rebuilt object cut the same.
const chunkSize = 256 << 10

// smallTail is up to where a tail has memory of its own.
const smallTail = 32 << 10

// tails are reused: fresh memory is dear.
var tails = sync.Pool{New: func() any { return new([]byte) }}

// write adds an output whole and returns how much more memory the object holds now.
func (o *object) write(data, delimiter []byte) int64 {
	before := o.memory
	held := cap(o.tail)
	o.grow(len(data) + len(delimiter))
	size := len(o.tail)
	o.tail = append(o.tail, data...)
	if len(delimiter) > 0 && !bytes.HasSuffix(data, delimiter) {
		o.tail = append(o.tail, delimiter...)
	}
	o.memory += int64(cap(o.tail) - held)
	o.bytes += int64(len(o.tail) - size)
	o.outputs++
	if len(o.tail) >= chunkSize {
		o.cut()
	}
	return o.memory - before
}

// grow makes room for n more bytes. Most partitions stay small and get no more than they need; the others share buffers.
func (o *object) grow(n int) {
	need := len(o.tail) + n
	if need <= cap(o.tail) || need <= smallTail && len(o.chunks) == 0 {
		return
	}
	shared := (*tails.Get().(*[]byte))[:0]
	o.tail = append(slices.Grow(shared, max(need, chunkSize)), o.tail...)
}

// cut compresses the tail.
func (o *object) cut() {
	_, _ = o.sum.Write(o.tail) // never fails
	o.crc = crc32.Update(o.crc, crc32.IEEETable, o.tail)
	scratch := tails.Get().(*[]byte)
	packed := o.rules.codec.Chunk((*scratch)[:0], o.tail)
	o.chunks = append(o.chunks, bytes.Clone(packed))
	o.memory += int64(len(packed) - cap(o.tail))
	*scratch = packed[:0]
	tails.Put(scratch)
	tail := o.tail[:0]
	tails.Put(&tail)
	o.tail = nil
}

// finish closes the object: its body and its checksum are final. It returns how much more memory it holds.
func (o *object) finish() int64 {
	before := o.memory
	if o.finished {
		return 0
	}
	if len(o.tail) > 0 {
		o.cut()
	}
	o.finished = true
	head, tail := o.rules.codec.Wrap(format.Totals{Bytes: o.bytes, CRC32: o.crc})
	o.chunks = append(append(Body{head}, o.chunks...), tail)
	o.memory += int64(len(head) + len(tail))
	return o.memory - before
}

func (o *object) checksum() string { return checksumText(o.sum.Sum64()) }

func checksumText(sum uint64) string { return fmt.Sprintf("xxh64:%016x", sum) }

// dueIn is how long the object may stay open yet, by whichever clock is further: a wall clock that jumps back must not
// keep records waiting. Objects that were opened together become due up to a twentieth of the interval apart.
func (o *object) dueIn(now time.Time, interval time.Duration) time.Duration {
	spread := time.Duration(xxhash.Sum64String(o.partition)%1024) * (interval / 20) / 1024
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
		arrival:   record.Arrival,
		opened:    time.Now(),
		sum:       xxhash.New(),
	}
}
