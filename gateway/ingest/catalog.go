package ingest

import (
	"sync"
	"sync/atomic"
	"time"

	"hydrant/buffer"
)

// Stream is a stream that producers may name. It is immutable.
type Stream struct {
	ID        buffer.StreamID
	Name      string
	Accepting bool // false while it drains or is being deleted
	JSON      bool // takes nothing else
	Quota     Quota
	Encrypted bool // on the node's disk

	// Locked is why nothing is taken although the stream should: no key to encrypt it with. Nil while there is one.
	Locked *buffer.DataKeyError

	limiter *limiter // nil where the quota has no bound
	gate    *gate
	series  *series
}

// Catalog finds streams by name. It is one immutable map, replaced whole, so lookups take no lock. The zero value is an
// empty catalog; methods may be called from many goroutines at once.
type Catalog struct {
	streams atomic.Pointer[map[string]*Stream]
	gone    atomic.Pointer[func(name string)] // is told of names that no stream has any more

	changing sync.Mutex // by Set; while it is held no name comes back that is told of
}

// Set replaces all streams. Requests that have found their stream already go on with what they found, but append nothing to
// one that takes no records any more. What is used of a quota that does not change stays used.
func (c *Catalog) Set(streams []Stream) {
	c.changing.Lock()
	defer c.changing.Unlock()
	byName := make(map[string]*Stream, len(streams))
	for _, s := range streams {
		if s.Quota.Records > 0 || s.Quota.Bytes > 0 || s.Quota.Requests > 0 {
			s.limiter = newLimiter(s.Quota, time.Now())
		}
		s.gate, s.series = &gate{emptied: func() { c.left(s.Name) }}, new(series)
		if before, ok := c.Lookup([]byte(s.Name)); ok && before.ID == s.ID {
			s.gate = before.gate
			if before.Quota == s.Quota {
				s.limiter = before.limiter
			}
		}
		s.gate.set(s.Accepting)
		byName[s.Name] = &s
	}
	before := c.streams.Swap(&byName)
	if before == nil {
		return
	}
	for name, s := range *before {
		now := byName[name]
		if now == nil || now.ID != s.ID {
			s.gate.set(false)
		}
		if now == nil {
			c.tellGone(name)
		}
	}
}

// left is told that the last request has left a stream that takes no records any more. What it counted comes back where the
// stream was gone before.
func (c *Catalog) left(name string) {
	c.changing.Lock()
	defer c.changing.Unlock()
	if _, there := c.Lookup([]byte(name)); !there {
		c.tellGone(name)
	}
}

func (c *Catalog) tellGone(name string) {
	if gone := c.gone.Load(); gone != nil {
		(*gone)(name)
	}
}

// Appending is how many requests are appending to a stream. Of one that takes no records any more there are never more.
func (c *Catalog) Appending(name string) int64 {
	if s, ok := c.Lookup([]byte(name)); ok {
		return s.gate.inside()
	}
	return 0
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
