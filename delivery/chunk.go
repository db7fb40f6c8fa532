package delivery

import (
	"bytes"
	"runtime"
	"sync"

	"hydrant/delivery/format"
)

// chunkSize is where the tail of an object becomes a chunk.
const chunkSize = 256 << 10

// chunk is a part of an object. Compressors work on chunks beside the lane, several at once and in any order: the lane goes
// on reading, and writes manifests, which say nothing of compressed bytes. Only what needs these waits.
//
// Done and bytes may be used by all; the other fields are the lane's.
type chunk struct {
	object *object
	weight int64         // what it counts for in its object: as raw while it is at work, and then as compressed
	done   chan struct{} // closed when bytes are final
	bytes  []byte
}

func (c *chunk) compressed() []byte {
	<-c.done
	return c.bytes
}

func (c *chunk) ready() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// compressors bound how many chunks are at work, in all lanes together: enough to have work while a lane waits for the
// disk, and no more than little memory.
type compressors struct {
	queue   chan struct{}
	running chan struct{} // as many as there are processors: others that are ready to run would only stand before the acks
}

func newCompressors(memory int64) compressors {
	processors := runtime.GOMAXPROCS(0)
	most := max(2, min(8*processors, int(memory/16/chunkSize)))
	return compressors{queue: make(chan struct{}, most), running: make(chan struct{}, processors)}
}

// compress makes a chunk of raw, which it releases. It waits only while too many are at work.
func (c *compressors) compress(codec format.Codec, raw tail) *chunk {
	made := &chunk{weight: raw.held(), done: make(chan struct{})}
	c.queue <- struct{}{}
	go func() { // whoever lets go of the chunk waits for done
		c.running <- struct{}{}
		made.bytes = raw.pack(codec)
		<-c.running
		<-c.queue
		close(made.done)
	}()
	return made
}

// packings hold a tail in one piece, and what becomes of it. They are reused: fresh memory is dear.
var packings = sync.Pool{New: func() any { return new(packing) }}

type packing struct{ raw, packed []byte }

// pack empties the tail and returns its compressed form.
func (t *tail) pack(codec format.Codec) []byte {
	p := packings.Get().(*packing)
	defer packings.Put(p)
	raw := p.raw[:0]
	if t.wide != nil {
		raw = t.wide.bytes
	} else {
		raw = t.appendTo(raw)
		p.raw = raw
	}
	p.packed = codec.Chunk(p.packed[:0], raw)
	t.release()
	return bytes.Clone(p.packed)
}

// cut has an object's tail compressed.
func (l *lane) cut(o *object) {
	if o.tail.size == 0 {
		return
	}
	c := l.service.compressors.compress(o.rules.codec, o.takeTail())
	c.object = o
	o.chunks = append(o.chunks, c)
	o.stored += c.weight
	l.atWork = append(l.atWork, c)
	l.collect()
}

// collect counts the chunks that are compressed.
func (l *lane) collect() {
	n := 0
	for n < len(l.atWork) && l.atWork[n].ready() {
		l.count(l.atWork[n])
		n++
	}
	l.atWork = append(l.atWork[:0], l.atWork[n:]...)
}

// count waits for a chunk and counts it as what it is now.
func (l *lane) count(c *chunk) {
	size, o := int64(len(c.compressed())), c.object
	if o == nil {
		return // counted before
	}
	more := size - c.weight
	c.object, c.weight = nil, size
	o.stored += more
	o.memory += more
	l.account(more)
	if _, sealed := l.sealed[o]; sealed {
		l.stored += more
	}
}

// countAll waits for all chunks of an object.
func (l *lane) countAll(o *object) {
	for _, c := range o.chunks {
		l.count(c)
	}
}
