package delivery

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// recover takes up what the last life of the lane left: sealed objects that are not marked delivered are made again from
// the log as the lane reads on, exactly as their manifests say, and uploaded under the same keys. Everything else above the
// cursor is read again and is open again.
func (l *lane) recover(ctx context.Context) error {
	var sealed []*Manifest
	for key, value := range l.in.State() {
		if l.track == mainTrack && key == functionTrack.key(totalsKey) {
			if err := l.past.decode(value); err != nil {
				return err
			}
		}
		if !l.track.owns(key) {
			continue
		}
		if key == l.track.key(totalsKey) {
			if err := l.totals.decode(value); err != nil {
				return err
			}
			continue
		}
		if ok, err := l.overflow.restore(key, value); ok || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		m, ok, err := DecodeManifest(key, value)
		if err != nil {
			return err
		}
		if ok {
			l.overflow.decided = max(l.overflow.decided, m.To)
		}
		if ok && !m.Delivered {
			sealed = append(sealed, m)
		} else if ok {
			l.ledger.restore(m)
		}
	}
	l.ledger.resume(l.totals.Cursor)
	l.ledger.resume(l.in.Info().Cursor) // a life before this one, in the same process, may have moved it
	if err := l.reached(ctx, l.ledger.cursor, l.in.Info().Cursor); err != nil {
		return err
	}
	l.publishTotals()
	slices.SortFunc(sealed, func(a, b *Manifest) int { return cmp.Compare(a.To, b.To) })
	objects := make([]*object, len(sealed))
	for i, m := range sealed {
		if head := l.in.Info().Head; head < m.To {
			return fmt.Errorf("a manifest reaches to record %d, but the buffer ends at %d", m.To, head)
		}
		objects[i] = sealedObject(m, l.ledger.restore(m)) // all of them, before the cursor can move
	}
	if l.narrow {
		return l.rebuildInWaves(ctx, objects)
	}
	l.rebuilding.begin(objects)
	return nil
}
