package badgerlog

import (
	"slices"
	"sync"

	"hydrant/buffer"
)

// ref is a block of a lane's index.
type ref struct {
	first      buffer.Seq
	count      int
	raw        int // bytes of the payload
	stored     int // bytes of the block on disk
	arrival    int64
	generation *generation

	mu   sync.Mutex
	data []byte // as stored, while kept in memory
}

func newRef(p *packed, first buffer.Seq) *ref {
	return &ref{first: first, count: p.count, raw: p.raw, stored: len(p.block), arrival: p.arrival, data: p.block}
}

func (r *ref) last() buffer.Seq { return r.first + buffer.Seq(r.count) - 1 }

func (r *ref) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.data
}

// drop lets go of the bytes and says how many they were.
func (r *ref) drop() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.data)
	r.data = nil
	return int64(n)
}

// cache bounds what the newest blocks keep in memory for the readers that follow closely. Guarded by Log.mu.
type cache struct {
	limit int64  // of bytes
	refs  []*ref // oldest first; some have been dropped already
	kept  int    // of refs
	bytes int64  // of their data
}

func (c *cache) add(r *ref) {
	c.refs = append(c.refs, r)
	c.kept++
	c.bytes += int64(len(r.data))
	for c.bytes > c.limit {
		c.forget(c.refs[:1])
		c.refs[0] = nil
		c.refs = c.refs[1:]
	}
	if len(c.refs) > 1024+2*c.kept {
		c.refs = slices.DeleteFunc(c.refs, func(r *ref) bool { return r.bytes() == nil })
	}
}

// forget drops the blocks' bytes.
func (c *cache) forget(refs []*ref) {
	for _, r := range refs {
		if n := r.drop(); n > 0 {
			c.kept--
			c.bytes -= n
		}
	}
}
