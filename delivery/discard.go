package delivery

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"hydrant/buffer"
)

// Discard gives up all that a stream holds, and whatever is still appended to it, for ever: delivery of it ends, and its
// records are settled without being delivered. Objects that were on their way may yet appear. It returns at once, and may
// be called before Run. The books count the records.
func (s *Service) Discard(id buffer.StreamID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone[id] = true
	for lane, end := range s.lives {
		if lane.Stream == id {
			end()
		}
	}
}

// Hasten has a stream that takes no more records delivered without waiting for sizes and intervals. It returns at once.
func (s *Service) Hasten(id buffer.StreamID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hastes[id] {
		return
	}
	s.hastes[id] = true
	s.setHurry(id, true)
}

// Calm ends what Hasten began: the stream takes records again.
func (s *Service) Calm(id buffer.StreamID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hastes[id] {
		delete(s.hastes, id)
		s.setHurry(id, false)
	}
}

// setHurry tells all that serves a stream. Called with mu held.
func (s *Service) setHurry(id buffer.StreamID, on bool) {
	for key, l := range s.lanes {
		if key.id.Stream == id {
			l.hurry.set(on)
		}
	}
	for lane, f := range s.functions {
		if lane.Stream == id {
			f.hurry.set(on)
		}
	}
}

// hurry says whether to wait for sizes and intervals, and tells when that changes.
type hurry struct {
	on      atomic.Bool
	changed chan struct{}
}

func newHurry() *hurry { return &hurry{changed: make(chan struct{}, 1)} }

func (h *hurry) set(on bool) {
	h.on.Store(on)
	select {
	case h.changed <- struct{}{}:
	default: // it is to look anyway
	}
}

// serve delivers a lane until ctx ends, or from Discard on gives up what it holds.
func (s *Service) serve(ctx context.Context, in buffer.Lane) error {
	id := in.Info().ID
	life, end := s.enter(ctx, id)
	defer end()
	if !s.discarded(id) {
		if err := newTracks(s, in).run(life); err != nil && life.Err() == nil {
			<-life.Done() // a lane that has stopped can still be discarded
		}
	}
	if ctx.Err() != nil || !s.discarded(id) {
		return nil
	}
	return s.discard(ctx, in)
}

// enter begins a lane's life, which Discard ends.
func (s *Service) enter(ctx context.Context, id buffer.LaneID) (context.Context, context.CancelFunc) {
	life, end := context.WithCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lives[id] = end
	return life, end
}

func (s *Service) discarded(id buffer.LaneID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone[id.Stream]
}

func (s *Service) noteEnd(name string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends = append(s.ends, fmt.Errorf("stream %s: %w", name, err))
}

// stopped is why lanes have stopped.
func (s *Service) stopped() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.ends...)
}

// discard settles what a lane holds, and what a request that had found the stream before its end still appends.
func (s *Service) discard(ctx context.Context, in buffer.Lane) error {
	l := newLane(newTracks(s, in), mainTrack, in.Info().Cursor)
	s.forgetLane(l.key())
	s.forgetLane(laneKey{l.info.ID, backupTrack})
	s.reports.forget(l.info.ID.Stream)
	s.forgetFunction(l.info.ID)
	s.forgetMetrics(l.info.Name)
	var passed FunctionTotals
	for key, value := range in.State() {
		var err error
		switch key {
		case totalsKey:
			err = l.totals.decode(value)
		case functionTrack.key(totalsKey):
			err = passed.decode(value)
		}
		if err != nil {
			l.log.Warn("how much of a discarded stream was delivered is not known", "reason", err)
		}
	}
	var block buffer.Block
	for {
		if err := s.discardUpTo(ctx, l, in.Info(), passed.Passed+passed.Quarantined); err != nil {
			return err
		}
		err := in.Read(ctx, in.Info().Cursor, &block)
		var damaged *buffer.CorruptError // is given up like everything else
		if err != nil && !errors.As(err, &damaged) {
			return ctx.Err()
		}
	}
}

// discardUpTo settles everything up to the lane's head in one change, and forgets what was known of it but the totals. Of
// the lane's records some have passed to the function.
func (s *Service) discardUpTo(ctx context.Context, l *lane, info buffer.LaneInfo, passed int64) error {
	if info.Head <= info.Cursor {
		return nil
	}
	n := info.Accepted - passed - l.totals.Settled()
	l.totals.Discarded += n
	c := buffer.Change{Put: []buffer.Entry{l.totalsEntry()}, Cursor: info.Head}
	for key := range l.in.State() {
		if key != totalsKey && key != functionTrack.key(totalsKey) {
			c.Delete = append(c.Delete, key)
		}
	}
	if err := l.commit(ctx, c); err != nil {
		return fmt.Errorf("discard %d records: %w", n, err)
	}
	l.log.Warn("records of a deleted stream are discarded", "records", n)
	if s.deps.Metrics != nil {
		s.deps.Metrics.discards.WithLabelValues(info.Name).Add(float64(n))
	}
	s.wakeDrain()
	return nil
}

// forgetLane takes a lane out of what is served and told.
func (s *Service) forgetLane(key laneKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.lanes[key]; l != nil {
		s.leaveTarget(l.kept)
		l.kept = nil
	}
	delete(s.lanes, key)
}

func (s *Service) forgetFunction(id buffer.LaneID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.functions[id]; f != nil {
		s.leaveInvoker(f.kept)
		f.kept = nil
	}
	delete(s.functions, id)
}

// forgetMetrics takes a stream that is gone out of the metrics, unless another one has its name by now.
func (s *Service) forgetMetrics(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lanes {
		if l.info.Name == name {
			return
		}
	}
	s.deps.Metrics.forgetStream(name)
}

// wakeDrain lets Drain look again at what is left.
func (s *Service) wakeDrain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.arrived)
	s.arrived = make(chan struct{})
}
