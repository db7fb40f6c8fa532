package delivery

import (
	"context"

	"hydrant/buffer"
)

// passDamage goes on behind a damaged range, and takes it into the books with the very change that passes it.
func (f *function) passDamage(ctx context.Context, d buffer.Damage) error {
	if n := len(f.queue); n > 0 {
		f.queue[n-1].lost += d.Records
		return f.pass(ctx, d.To)
	}
	f.position = max(f.position, d.To)
	f.totals.Quarantined += d.Records
	return f.keep(ctx)
}

// keep makes the totals durable, and how far the track is. Nothing is in the queue.
func (f *function) keep(ctx context.Context) error {
	f.totals.Cursor = f.position
	c := buffer.Change{Cursor: f.tracks.joint(functionTrack, f.position), Put: []buffer.Entry{f.totals.entry()}}
	if err := commit(ctx, f.in, f.log, c); err != nil {
		return err
	}
	f.publish()
	return f.reached(ctx, f.position, c.Cursor)
}

// booksChanged has the books looked at again.
func (f *function) booksChanged() {
	select {
	case f.settled <- struct{}{}:
	default: // it will look anyway
	}
}

// reconcile makes the lane's books exact after damage, once everything in it is settled on both tracks. Nobody knows how
// many records of a damaged range were for the function, and how many of them one of the tracks had settled before they
// were damaged: in the end what is in neither track's books is what was lost. And where the change that derived records
// was lost, and the records were not, the derived lane knows how many there are.
func (f *function) reconcile(ctx context.Context) error {
	info := f.in.Info()
	if len(f.queue) > 0 || f.block != nil || f.position < info.Head {
		return nil
	}
	now := f.totals
	if made, served := f.service.accepted(f.info.ID.Derived()); served {
		now.Made = made
	}
	main, served := f.service.mainBooks(f.info.ID)
	if served && main.Cursor >= info.Head && main.Quarantined+now.Quarantined > 0 {
		now.Quarantined = info.Accepted - main.Settled() - now.Passed
	}
	if now == f.totals {
		return nil
	}
	f.totals = now
	return f.keep(ctx)
}

// mainBooks are those of a lane's main track, and whether it is served.
func (s *Service) mainBooks(id buffer.LaneID) (Totals, bool) {
	if l := s.mainTrack(id); l != nil {
		return l.books(), true
	}
	return Totals{}, false
}

// accepted is how many records a lane has had, if it is served.
func (s *Service) accepted(id buffer.LaneID) (int64, bool) {
	if l := s.mainTrack(id); l != nil {
		return l.in.Info().Accepted, true
	}
	return 0, false
}

func (s *Service) mainTrack(id buffer.LaneID) *lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lanes[laneKey{id, mainTrack}]
}
