package delivery

import (
	"context"

	"hydrant/buffer"
)

// passDamage goes on behind a damaged range: no output will ever come from it, so that it is settled like a record whose
// outputs have all been taken in.
func (l *lane) passDamage(ctx context.Context, d buffer.Damage) error {
	l.damage = append(l.damage, d)
	l.rebuilding.pass(d)
	l.ledger.position = max(l.ledger.position, d.To)
	if err := l.completeUpTo(ctx, l.ledger.position); err != nil {
		return err
	}
	if l.ledger.position >= l.target {
		if err := l.sealDue(ctx); err != nil {
			return err
		}
	}
	return l.passOver(ctx)
}

// advance is the change that moves the cursor as far as everything is settled, and takes the damaged ranges that it
// passes into the books: each range once, in the very group that settles it.
func (l *lane) advance() buffer.Change {
	var c buffer.Change
	c.Cursor, c.Delete = l.ledger.advance()
	c.Delete = append(c.Delete, l.overflow.pass(c.Cursor)...)
	l.totals.Dropped += l.ledger.dropped()
	var ahead []buffer.Damage
	for _, d := range l.damage {
		if d.To > c.Cursor {
			ahead = append(ahead, d)
			continue
		}
		if l.counts(d) {
			l.totals.quarantine(d.Records)
		}
	}
	l.damage = ahead
	// An object may have been delivered before a part of it was damaged, and nobody knows any more how much of it lay in
	// the range. Where everything is settled, what is in no object is what was lost.
	if info := l.in.Info(); l.track == mainTrack && l.tracks.transformer() == nil && l.totals.Quarantined > 0 && c.Cursor == info.Head {
		l.totals.Quarantined += info.Accepted - l.past.Passed - l.past.Quarantined - l.totals.Settled()
	}
	if l.tracks.shared() {
		l.totals.Cursor = c.Cursor
	}
	c.Put = []buffer.Entry{l.totalsEntry()}
	return c
}

// counts reports whether a damaged range is the track's to count: what the function reads too is counted there.
func (l *lane) counts(d buffer.Damage) bool {
	f := l.tracks.transformer()
	return l.track != mainTrack || f == nil || d.To <= f.began
}

// quarantine counts the lost records of a range, less those that are known to have been delivered before.
func (t *Totals) quarantine(records int64) {
	spared := min(t.Spared, records)
	t.Spared -= spared
	t.Quarantined += records - spared
}

// touches reports whether a damaged range overlaps with what the manifest covers.
func touches(damage []buffer.Damage, m *Manifest) bool {
	for _, d := range damage {
		if d.From <= m.To && m.From < d.To {
			return true
		}
	}
	return false
}
