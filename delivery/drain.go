package delivery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
		stopped := map[buffer.StreamID]error{}
		s.awaitDrained(ctx, lanes, false, stopped)
		for _, f := range functions {
			if err := f.awaitDrained(ctx); err != nil && !s.discarded(f.info.ID) {
				stopped[f.info.ID.Stream] = err
			}
		}
		s.deriveNoMore()
		s.awaitDrained(ctx, lanes, true, stopped)
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

// awaitDrained waits for the lanes that are derived, or for those that are not, and notes which streams have stopped.
func (s *Service) awaitDrained(ctx context.Context, lanes []*lane, derived bool, stopped map[buffer.StreamID]error) {
	for _, l := range lanes {
		if l.info.ID.IsDerived() != derived {
			continue
		}
		if err := l.awaitDrained(ctx); err != nil && !s.discarded(l.info.ID) {
			stopped[l.info.ID.Stream] = err
		}
	}
}

func (s *Service) deriveNoMore() {
	s.mu.Lock()
	defer s.mu.Unlock()
	sayDone(s.drainDerived)
}

// drainOf is closed when a lane is to be drained.
func (s *Service) drainOf(id buffer.LaneID) <-chan struct{} {
	if id.IsDerived() {
		return s.drainDerived
	}
	return s.drain
}

// served returns the lanes and functions, and a channel that is closed when there is another.
func (s *Service) served() ([]*lane, []*function, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.lanes)), slices.Collect(maps.Values(s.functions)), s.arrived
}

func (l *lane) awaitDrained(ctx context.Context) error {
	select {
	case <-l.drained:
		return nil
	case <-l.done:
		select {
		case <-l.drained: // a track that was over
			return nil
		default:
		}
		return fmt.Errorf("stream %s is not delivered: its lane has ended", l.info.Name)
	case <-ctx.Done():
		return ctx.Err()
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
