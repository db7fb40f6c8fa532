package ingest

import (
	"sync/atomic"

	"hydrant/buffer"
)

// Stream is a stream that producers may name. It is immutable.
type Stream struct {
	ID        buffer.StreamID
	Name      string
	Accepting bool // false while it drains or is being deleted
	JSON      bool // takes nothing else
}

// Catalog finds streams by name. It is one immutable map, replaced whole, so lookups take no lock. The zero value is an
// empty catalog; methods may be called from many goroutines at once.
type Catalog struct {
	streams atomic.Pointer[map[string]*Stream]
}

// Set replaces all streams. Requests that have found their stream already go on with what they found.
func (c *Catalog) Set(streams []Stream) {
	byName := make(map[string]*Stream, len(streams))
	for _, s := range streams {
		byName[s.Name] = &s
	}
	c.streams.Store(&byName)
}

// Lookup finds a stream without allocating.
func (c *Catalog) Lookup(name []byte) (*Stream, bool) {
	byName := c.streams.Load()
	if byName == nil {
		return nil, false
	}
	stream, ok := (*byName)[string(name)]
	return stream, ok
}
