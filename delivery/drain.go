package delivery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"hydrant/buffer"
)

// Drain seals and delivers everything that the log holds now, and returns when that is done, or ctx's error. A stream that has
// stopped does not hold up the others: the error says so once these are done. It is for the end, when nothing is appended any
// more; Run goes on until its own context ends. Call it once.
func (s *Service) Drain(ctx context.Context, log buffer.Log) error {
	close(s.drain)
	const look = 100 * time.Millisecond // at what was derived after the derived lane had said that it is empty
	for {
		lanes, functions, arrived := s.served()
		stopped := s.awaitServed(ctx, lanes, functions)
		switch {
		case left(log, nil) == 0:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case left(log, stopped) == 0:
			return errors.Join(slices.Collect(maps.Values(stopped))...)
		}
		select {
		case <-arrived: // of a stream that was not being served yet
		case <-time.After(look):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// awaitServed waits until lanes and functions are drained, and returns which streams have stopped. What is derived is drained
// as soon as nothing more is derived of its own source, whatever other streams wait for.
func (s *Service) awaitServed(ctx context.Context, lanes []*lane, functions []*function) map[buffer.StreamID]error {
	var sources sync.WaitGroup
	for _, l := range lanes {
		if l.info.ID.IsDerived() {
			sources.Go(func() { s.awaitSource(ctx, l.info.ID.Source()) })
		}
	}
	stopped := map[buffer.StreamID]error{}
	note := func(id buffer.LaneID, err error) {
		if err != nil && !s.discarded(id) {
			stopped[id.Stream] = err
		}
	}
	for _, f := range functions {
		note(f.info.ID, f.awaitDrained(ctx))
	}
	for _, l := range lanes {
		note(l.info.ID, l.awaitDrained(ctx))
	}
	sources.Wait()
	return stopped
}

// awaitSource has what is derived of a lane drained once nothing more is: the lane is read to its end, so that its function is
// served if there is one, and that has journaled everything, or has stopped.
func (s *Service) awaitSource(ctx context.Context, id buffer.LaneID) {
	if l := s.mainTrack(id); l != nil {
		_ = l.awaitDrained(ctx) // noted where all are
	}
	s.mu.Lock()
	f := s.functions[id]
	s.mu.Unlock()
	if f != nil {
		_ = f.awaitDrained(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sayDone(s.endOf(id))
}

// endOf is closed once nothing more is derived of a lane. Called with mu held.
func (s *Service) endOf(source buffer.LaneID) chan struct{} {
	end := s.underived[source]
	if end == nil {
		end = make(chan struct{})
		s.underived[source] = end
	}
	return end
}

// drainOf is closed when a lane is to be drained.
func (s *Service) drainOf(id buffer.LaneID) <-chan struct{} {
	if !id.IsDerived() {
		return s.drain
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endOf(id.Source())
}

// served returns the lanes and functions, and a channel that is closed when there is another.
func (s *Service) served() ([]*lane, []*function, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.lanes)), slices.Collect(maps.Values(s.functions)), s.arrived
}

func (l *lane) awaitDrained(ctx context.Context) error {
	return awaitDrained(ctx, l.drained, l.done, fmt.Errorf("stream %s is not delivered: its lane has ended", l.info.Name))
}

// awaitDrained waits until drained is closed, and fails with ended where done is before that. What was drained has not failed,
// whatever came behind it.
func awaitDrained(ctx context.Context, drained, done <-chan struct{}, ended error) error {
	var why error
	select {
	case <-drained:
		return nil
	case <-done:
		why = ended
	case <-ctx.Done():
		why = ctx.Err()
	}
	select {
	case <-drained:
		return nil
	default:
		return why
	}
}

// left is how many records of a log are not settled, those of streams that have stopped left out.
func left(log buffer.Log, stopped map[buffer.StreamID]error) (records int64) {
	for id, stream := range log.Stats().Streams {
		if stopped[id] == nil {
			records += stream.Pending
		}
	}
	return records
}
