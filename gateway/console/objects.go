package console

import (
	"slices"
	"sync"
	"time"
)

// Object is one that was sealed or delivered lately.
type Object struct {
	Stream    string    `json:"-"`
	Lane      uint32    `json:"-"`
	From, To  uint64    `json:"-"` // its records have from < sequence <= to
	Partition string    `json:"-"` // as Place names it
	Key       string    `json:"key"`
	Reason    string    `json:"reason"` // of the seal
	Failure   string    `json:"error,omitempty"`
	Backup    bool      `json:"backup,omitempty"`
	Records   int64     `json:"records"`
	Bytes     int64     `json:"bytes"`  // before compression
	Stored    int64     `json:"stored"` // as uploaded; about so much while it waits
	Arrival   time.Time `json:"arrival"`
	Sealed    time.Time `json:"sealed,omitzero"`    // zero if that was in another life of the node
	Delivered time.Time `json:"delivered,omitzero"` // zero while it waits
}

// lastObjects is how many are kept of a stream.
const lastObjects = 20

// objects keeps the last ones of each stream, up to maxStreams streams.
type objects struct {
	mu       sync.Mutex
	byStream map[string][]*Object // the latest last
}

// Sealed notes an object whose upload begins.
func (c *Console) Sealed(o Object) {
	o.Sealed = time.Now()
	c.objects.add(&o)
	c.follows.tell(o)
}

// Delivered notes that an object is at its destination.
func (c *Console) Delivered(o Object) {
	o.Delivered = time.Now()
	if !c.objects.delivered(o) {
		c.objects.add(&o)
	}
	c.follows.tell(o)
}

func (a *objects) add(o *Object) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, ok := a.byStream[o.Stream]
	if !ok && len(a.byStream) == maxStreams {
		for name := range a.byStream {
			delete(a.byStream, name)
			break
		}
	}
	if len(known) == lastObjects {
		known = slices.Delete(known, 0, 1)
	}
	a.byStream[o.Stream] = append(known, o)
}

// delivered marks an object that is known, and reports whether it is.
func (a *objects) delivered(o Object) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, known := range a.byStream[o.Stream] {
		if known.Key == o.Key && known.Backup == o.Backup {
			known.Delivered, known.Stored = o.Delivered, o.Stored // only now is the size known
			return true
		}
	}
	return false
}

// of are a stream's, the latest first.
func (a *objects) of(name string) []Object {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := []Object{}
	for _, o := range slices.Backward(a.byStream[name]) {
		all = append(all, *o)
	}
	return all
}

// size is the mean size of a stream's last objects that were delivered.
func (a *objects) size(name string) (mean int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var delivered int64
	for _, o := range a.byStream[name] {
		if !o.Delivered.IsZero() {
			mean += o.Stored
			delivered++
		}
	}
	return mean / max(1, delivered)
}
