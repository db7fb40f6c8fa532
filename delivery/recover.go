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
	sealed, err := l.restore()
	if err != nil {
		return err
	}
	l.ledger.resume(l.totals.Cursor)
	l.ledger.resume(l.in.Info().Cursor) // a life before this one, in the same process, may have moved it
	if err := l.reached(ctx, l.ledger.cursor, l.in.Info().Cursor); err != nil {
		return err
	}
	l.publishTotals()
	objects, err := l.sealedObjects(sealed)
	if err != nil {
		return err
	}
	if l.narrow {
		return l.rebuildInWaves(ctx, objects)
	}
	l.rebuilding.begin(objects)
	return nil
}

// restore reads the lane's state, and returns the manifests of objects that are not marked delivered.
func (l *lane) restore() (sealed []*Manifest, err error) {
	for key, value := range l.in.State() {
		m, err := l.restoreEntry(key, value)
		if err != nil {
			return nil, err
		}
		if m != nil {
			sealed = append(sealed, m)
		}
	}
	return sealed, nil
}

// restoreEntry takes up one entry of state. It returns the manifest of an object that is not marked delivered, else nil.
func (l *lane) restoreEntry(key string, value []byte) (*Manifest, error) {
	switch {
	case l.track == mainTrack && key == functionTrack.key(totalsKey):
		return nil, l.past.decode(value)
	case !l.track.owns(key):
		return nil, nil
	case key == l.track.key(totalsKey):
		return nil, l.totals.decode(value)
	}
	if ok, err := l.overflow.restore(key, value); ok || err != nil {
		return nil, err
	}
	m, ok, err := DecodeManifest(key, value)
	if err != nil || !ok {
		return nil, err
	}
	l.overflow.decided = max(l.overflow.decided, m.To)
	if m.Delivered {
		l.ledger.restore(m)
		return nil, nil
	}
	return m, nil
}

// sealedObjects are what the manifests say, in the order in which the lane reaches their ends.
func (l *lane) sealedObjects(sealed []*Manifest) ([]*object, error) {
	slices.SortFunc(sealed, func(a, b *Manifest) int { return cmp.Compare(a.To, b.To) })
	objects := make([]*object, len(sealed))
	for i, m := range sealed {
		if head := l.in.Info().Head; head < m.To {
			return nil, fmt.Errorf("a manifest reaches to record %d, but the buffer ends at %d", m.To, head)
		}
		objects[i] = sealedObject(m, l.ledger.restore(m)) // all of them, before the cursor can move
	}
	return objects, nil
}
