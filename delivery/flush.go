package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"hydrant/buffer"
)

// Flushed is what a flush has sealed.
type Flushed struct {
	Objects int64 // also those of error output and of the backup
	Records int64 // outputs in them
}

// flush asks a lane, or a function, to wait for nothing with what the log held when it was asked. Nothing of it is kept: what
// it sealed is in manifests, like all that is sealed, and what it did not seal is open again after a crash.
type flush struct {
	gone   <-chan struct{} // closed when nobody waits for the answer any more
	answer chan<- Flushed  // with room for the answer
	to     buffer.Seq      // the head when it was asked for
	last   *call           // of a function: the call that holds the last record; nil before it is known, or if there is none
	met    bool            // of a function: last is known
	sealed Flushed
}

// Flush seals what a stream's open objects hold of the records that were acknowledged before, and returns once the manifests
// are durable: the objects are uploaded then, whatever becomes of the node. It is like any seal: what is sealed is under the
// version and the key that it would have later. Where there is no room for more sealed objects it waits for room until ctx
// ends; the error then says why. What was sealed until then stays sealed.
func (s *Service) Flush(ctx context.Context, id buffer.StreamID) (Flushed, error) {
	f := flushing{service: s, id: id} // a stream has one lane on the embedded engine
	// The main track first: when it has read to the head, every other track that the records take is served, or about to be.
	err := f.lane(ctx, laneKey{buffer.LaneID{Stream: id}, mainTrack})
	if err == nil && f.joined(backupTrack) {
		err = f.lane(ctx, laneKey{buffer.LaneID{Stream: id}, backupTrack})
	}
	if err == nil && f.joined(functionTrack) {
		err = f.function(ctx)
	}
	if err != nil && ctx.Err() != nil {
		err = f.waitsFor(err)
	}
	return f.sealed, err
}

// flushing is one call of Flush.
type flushing struct {
	service *Service
	id      buffer.StreamID
	tracks  *tracks
	sealed  Flushed
}

// await asks who owns the channel for a flush and waits for the answer.
func await(ctx context.Context, asked chan<- flush, done <-chan struct{}) (Flushed, error) {
	answer := make(chan Flushed, 1)
	select {
	case asked <- flush{gone: ctx.Done(), answer: answer}:
	case <-done:
		return Flushed{}, errEnded
	case <-ctx.Done():
		return Flushed{}, ctx.Err()
	}
	select {
	case sealed := <-answer:
		return sealed, nil
	case <-done:
		return Flushed{}, errEnded
	case <-ctx.Done():
		return Flushed{}, ctx.Err()
	}
}

var errEnded = errors.New("its delivery has stopped")

func (f *flushing) joined(way track) bool {
	f.tracks.mu.Lock()
	defer f.tracks.mu.Unlock()
	_, joined := f.tracks.cursors[way]
	return joined
}

// lane flushes a lane, once it is served.
func (f *flushing) lane(ctx context.Context, key laneKey) error {
	l, err := served(ctx, f.service, func() *lane { return f.service.lanes[key] })
	if err != nil {
		return err
	}
	f.tracks = l.tracks
	sealed, err := await(ctx, l.flushAsked, l.done)
	if errors.Is(err, errEnded) && l.over {
		return nil // a track that no record takes any more
	}
	f.sealed.Objects, f.sealed.Records = f.sealed.Objects+sealed.Objects, f.sealed.Records+sealed.Records
	return err
}

// function has the function called with what waits for it, and flushes what it made.
func (f *flushing) function(ctx context.Context) error {
	id := buffer.LaneID{Stream: f.id}
	called, err := served(ctx, f.service, func() *function { return f.service.functions[id] })
	if err != nil {
		return err
	}
	if _, err := await(ctx, called.flushes, called.done); err != nil {
		return fmt.Errorf("its function: %w", err)
	}
	if called.books().Made == 0 {
		return nil
	}
	return f.lane(ctx, laneKey{id.Derived(), mainTrack})
}

// served waits until what find looks for is served. It is called with the service's lock held.
func served[T any](ctx context.Context, s *Service, find func() *T) (*T, error) {
	for {
		s.mu.Lock()
		found, arrived := find(), s.arrived
		s.mu.Unlock()
		if found != nil {
			return found, nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// waitsFor tells why not everything could be sealed, by what is known to be wrong.
func (f *flushing) waitsFor(err error) error {
	f.service.mu.Lock()
	defer f.service.mu.Unlock()
	for key, l := range f.service.lanes {
		if t := l.trouble(); t != nil && key.id.Stream == f.id {
			return fmt.Errorf("as many sealed objects as may be wait for the destination: %s", t.Reason)
		}
	}
	if called := f.service.functions[buffer.LaneID{Stream: f.id}]; called != nil {
		if t := called.trouble(); t != nil {
			return errors.New(t.Reason)
		}
	}
	return fmt.Errorf("delivery is at work on what came in before: %w", err)
}

// begin takes a flush among those that wait, and drops those that nobody waits for any more.
func (f flush) begin(waiting []flush, head buffer.Seq) []flush {
	f.to = head
	return append(slices.DeleteFunc(waiting, flush.over), f)
}

func (f flush) over() bool {
	select {
	case <-f.gone:
		return true
	default:
		return false
	}
}

// finishFlushes seals what is to be flushed once all of it is read, as far as there is room, and answers when it is sealed.
// Flushes are in the order of their sequences.
func (l *lane) finishFlushes(ctx context.Context) error {
	for len(l.flushes) > 0 && l.ledger.position >= l.flushes[0].to {
		f := &l.flushes[0]
		done := f.over() || l.closeFlushed(f)
		if err := l.seal(ctx); err != nil {
			return err
		}
		if !done {
			return nil // an upload that ends makes room
		}
		f.answer <- f.sealed
		l.flushes = l.flushes[1:]
	}
	return nil
}

// closeFlushed closes the objects that hold records of a flush, and reports whether there was room for all.
func (l *lane) closeFlushed(f *flush) bool {
	for o := range l.open.all() {
		if o.first > f.to {
			continue
		}
		if l.room() == 0 {
			return false
		}
		l.close(o, reasonFlush)
		f.sealed.Objects++
		f.sealed.Records += o.outputs
	}
	return true
}

// closeFlushed has the call go out at once that holds the last record of a flush.
func (f *function) closeFlushed() {
	for i := range f.waiting {
		w := &f.waiting[i]
		if w.met || f.position < w.to {
			continue
		}
		if n := len(f.queue); n > 0 {
			w.last = f.queue[n-1]
			w.last.closed = true
		}
		w.met = true
	}
}

// answerFlushes answers once what the function made is journaled.
func (f *function) answerFlushes() {
	for len(f.waiting) > 0 {
		w := f.waiting[0]
		if !w.over() && (!w.met || len(f.held) > 0 || slices.Contains(f.queue, w.last)) {
			return
		}
		w.answer <- Flushed{}
		f.waiting = f.waiting[1:]
	}
}
