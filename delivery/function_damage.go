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
	return f.quarantine(ctx, d.Records)
}

// quarantine counts records as lost, and makes that durable together with how far the track is. Nothing is in the queue.
func (f *function) quarantine(ctx context.Context, records int64) error {
	f.totals.Quarantined += records
	f.totals.Cursor = f.position
	c := buffer.Change{Cursor: f.tracks.joint(functionTrack, f.position), Put: []buffer.Entry{f.totals.entry()}}
	if err := commit(ctx, f.in, f.log, c); err != nil {
		return err
	}
	f.publish()
	return f.reached(ctx, f.position, c.Cursor)
}

// mainSettled has the books looked at again.
func (f *function) mainSettled() {
	select {
	case f.settled <- struct{}{}:
	default: // it will look anyway
	}
}

// reconcile makes the lane's books exact once everything in it is settled on both tracks. Nobody knows how many records of
// a damaged range were for the function, and how many of them one of the tracks had settled before they were damaged; in
// the end what is in neither track's books is what was lost.
func (f *function) reconcile(ctx context.Context) error {
	info := f.in.Info()
	if len(f.queue) > 0 || f.block != nil || f.position < info.Head {
		return nil
	}
	main, served := f.service.mainBooks(f.info.ID)
	if !served || main.Cursor < info.Head || main.Quarantined+f.totals.Quarantined == 0 {
		return nil
	}
	missing := info.Accepted - main.Settled() - f.totals.Passed - f.totals.Quarantined
	if missing == 0 {
		return nil
	}
	return f.quarantine(ctx, missing)
}

// mainBooks are those of a lane's main track, and whether it is served.
func (s *Service) mainBooks(id buffer.LaneID) (Totals, bool) {
	s.mu.Lock()
	l := s.lanes[laneKey{id, mainTrack}]
	s.mu.Unlock()
	if l == nil {
		return Totals{}, false
	}
	return l.books(), true
}
