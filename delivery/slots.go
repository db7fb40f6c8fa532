package delivery

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"hydrant/buffer"
)

// slots share the uploads at once out among the streams that wait. The stream with the fewest under way goes first, and of
// its objects the one that came first: many sealed objects of one stream take what the others leave. Where several streams
// are delivered none gets the last slot beside all others, and a stream that ails, whose last attempt failed, gets one, and
// all that ail half of them: uploads that hang until their time is over keep no other stream waiting.
type slots struct {
	most    int
	several func() bool // several streams are delivered

	mu      sync.Mutex
	running int
	number  int // of the last ticket
	shares  map[sharer]*share
}

// share is a stream's part. It is kept while the stream uploads, waits or ails.
type share struct {
	running int
	ailing  bool
	waiting []*ticket // in the order of their numbers
}

// sharer is who has a part: a stream, and its backup apart.
type sharer struct {
	stream buffer.StreamID
	track  track
}

// ticket is one attempt's right to upload.
type ticket struct {
	stream   sharer
	number   int
	gate     *gate
	epoch    int // of the gate
	admitted chan struct{}
}

func newSlots(most int, several func() bool) *slots {
	return &slots{most: most, several: several, shares: map[sharer]*share{}}
}

// enter waits for room among the slots and at the destination's gate. The caller gives the ticket back to leave.
func (s *slots) enter(ctx context.Context, stream sharer, g *gate) (*ticket, error) {
	t := s.enqueue(stream, g)
	select {
	case <-t.admitted:
		return t, nil
	case <-ctx.Done():
		s.withdraw(t)
		return nil, ctx.Err()
	}
}

func (s *slots) enqueue(stream sharer, g *gate) *ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number++
	t := &ticket{stream: stream, number: s.number, gate: g, admitted: make(chan struct{})}
	of := s.shares[stream]
	if of == nil {
		of = new(share)
		s.shares[stream] = of
	}
	of.waiting = append(of.waiting, t)
	s.admit()
	return t
}

// leave makes room and learns from how the attempt ended. A destination that asks for less does not ail: its gate sees to
// that.
func (s *slots) leave(t *ticket, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.shares[t.stream]
	s.running--
	of.running--
	t.gate.leave(t.epoch, err)
	if !errors.Is(err, context.Canceled) {
		of.ailing = err != nil && classOf(err) != Throttled
	}
	s.tidy(t.stream)
	s.admit()
}

// withdraw takes back a ticket that nobody uses.
func (s *slots) withdraw(t *ticket) {
	s.mu.Lock()
	of := s.shares[t.stream]
	before := len(of.waiting)
	of.waiting = slices.DeleteFunc(of.waiting, func(w *ticket) bool { return w == t })
	waited := len(of.waiting) < before
	s.tidy(t.stream)
	s.mu.Unlock()
	if !waited { // it was admitted meanwhile
		s.leave(t, context.Canceled)
	}
}

// forget drops what is known of a stream that is not delivered any more.
func (s *slots) forget(stream sharer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if of := s.shares[stream]; of != nil {
		of.ailing = false
		s.tidy(stream)
	}
}

func (s *slots) tidy(stream sharer) {
	if of := s.shares[stream]; of.running == 0 && len(of.waiting) == 0 && !of.ailing {
		delete(s.shares, stream)
	}
}

// inUse is how many uploads are under way.
func (s *slots) inUse() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

// admit gives away what is free.
func (s *slots) admit() {
	for s.running < s.most {
		t := s.next()
		if t == nil {
			return
		}
		of := s.shares[t.stream]
		of.waiting = slices.DeleteFunc(of.waiting, func(w *ticket) bool { return w == t })
		s.running++
		of.running++
		t.epoch = t.gate.enter()
		close(t.admitted)
	}
}

// next is the ticket whose turn it is; nil if none may enter now.
func (s *slots) next() (best *ticket) {
	several, ailing := s.several(), 0
	for _, of := range s.shares {
		if of.ailing {
			ailing += of.running
		}
	}
	fewest := 0
	for _, of := range s.shares {
		if several && !s.mayEnter(of, ailing) {
			continue
		}
		i := slices.IndexFunc(of.waiting, func(t *ticket) bool { return t.gate.open() })
		if i < 0 {
			continue
		}
		t := of.waiting[i]
		if best == nil || cmp.Or(cmp.Compare(of.running, fewest), cmp.Compare(t.number, best.number)) < 0 {
			best, fewest = t, of.running
		}
	}
	return best
}

func (s *slots) mayEnter(of *share, ailing int) bool {
	if of.ailing {
		return of.running == 0 && ailing < max(1, s.most/2)
	}
	return of.running < max(1, s.most-1)
}
