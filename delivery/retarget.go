package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"hydrant/buffer"
	"hydrant/stream"
)

// current is where new objects of the lane go.
func (l *lane) current(r *rules) stream.Destination {
	if s, ok := l.definition(); ok {
		return s.Destination
	}
	return r.stream.Destination
}

// home is the destination that a manifest names, with the way there as it is configured now.
func (l *lane) home(o *object) stream.Destination {
	current := l.current(o.rules)
	switch {
	case o.manifest.isAt(current):
		return current
	case o.manifest.Target != nil:
		return *o.manifest.Target
	}
	return o.rules.stream.Destination
}

// aim names the destination in a manifest that is not durable yet.
func (m *Manifest) aim(d stream.Destination, r *rules) {
	m.Destination, m.Address, m.Store, m.Target = d.Place(), d.Address(), "", nil
	if m.Address != r.stream.Destination.Address() {
		m.Target = &d
	}
}

// isAt reports whether the manifest's object goes to a destination, whatever the way there. An older version wrote no address.
func (m *Manifest) isAt(d stream.Destination) bool {
	if m.Address == "" {
		return m.Destination == d.Place()
	}
	return m.Address == d.Address()
}

// retarget has an object whose destination was corrected in the configuration go to the new one. That needs certainty that
// it is not at the old one: either every attempt there was refused, or looking there finds nothing, or the new one is the old
// one by another name, where it can be created once. It reports whether looking found the object, which is as good as
// delivered.
func (l *lane) retarget(ctx context.Context, o *object) (delivered bool, err error) {
	current := l.current(o.rules)
	if o.manifest.isAt(current) {
		return false, nil
	}
	if o.doubtful {
		delivered, err := l.isThere(ctx, o)
		if delivered || isFinal(err) {
			return delivered, err
		}
		if err != nil {
			if err := l.renamed(ctx, o, current, err); err != nil {
				return false, err
			}
		}
		o.doubtful = err != nil
	}
	next := *o.manifest
	next.Attempted = true
	next.aim(current, o.rules)
	if o.doubtful {
		next.Store = o.manifest.Store
	}
	if err := l.commit(ctx, buffer.Change{Put: []buffer.Entry{next.entry()}}); err != nil {
		return false, fmt.Errorf("write the manifest for %s: %w", next.Address, err)
	}
	l.log.Info("an object goes to the corrected destination", "key", next.Key, "from", o.manifest.address(), "to", next.Address)
	*o.manifest = next
	return false, nil
}

// isThere looks for the object where an attempt may have created it.
func (l *lane) isThere(ctx context.Context, o *object) (bool, error) {
	t := l.service.target(l.home(o))
	defer t.leave()
	d, err := t.open(ctx)
	if err == nil {
		err = l.verify(ctx, d, o)
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, ErrNotExist):
		return false, nil
	case isFinal(err):
		return false, err
	}
	return false, fmt.Errorf("the destination was changed, but an attempt may have created the object at %s: it goes to the new one once "+
		"looking there shows that it did not: %w", o.manifest.address(), err)
}

// renamed returns nil if the corrected destination is the very store that an attempt may have created the object in. Looking
// for it at its old address failed with lost, and a store that is gone, or has moved, answers there no more.
func (l *lane) renamed(ctx context.Context, o *object, corrected stream.Destination, lost error) error {
	if o.manifest.Store == "" {
		return lost
	}
	t := l.service.target(corrected)
	defer t.leave()
	l.keep(t)
	_, store, err := t.ready(ctx, l)
	switch {
	case err != nil:
		return fmt.Errorf("%w; nor can the new one be used: %w", lost, err)
	case store != o.manifest.Store:
		return lost
	}
	return nil
}

// address is where the manifest's object goes, for people.
func (m *Manifest) address() string { return cmp.Or(m.Address, m.Destination) }

// noteStore keeps which store is at an address, for the manifests to come.
func (l *lane) noteStore(address, store string) {
	l.shared.Lock()
	defer l.shared.Unlock()
	l.shared.address, l.shared.store = address, store
}

func (l *lane) storeAt(address string) string {
	l.shared.Lock()
	defer l.shared.Unlock()
	if l.shared.address != address {
		return ""
	}
	return l.shared.store
}

// attempts makes it durable whether an attempt may have created the object, and in which store: before one starts, and after
// it was refused for a reason that only the operator mends, or came to nothing before. Then a restart with another
// destination need not ask the old one.
func (l *lane) attempts(ctx context.Context, o *object, attempted bool, store string) error {
	if o.manifest.Attempted == attempted && o.manifest.Store == store {
		return nil
	}
	next := *o.manifest
	next.Attempted, next.Store = attempted, store
	if err := l.commit(ctx, buffer.Change{Put: []buffer.Entry{next.entry()}}); err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	*o.manifest = next
	return nil
}

// learn notes what an attempt's error says about the object.
func (l *lane) learn(ctx context.Context, o *object, err error) error {
	var known *Error
	if !errors.As(err, &known) || !known.Refused {
		o.doubtful = true
		return nil
	}
	if !o.doubtful && (known.Class == Held || !o.begun) {
		return l.attempts(ctx, o, false, o.manifest.Store)
	}
	return nil
}
