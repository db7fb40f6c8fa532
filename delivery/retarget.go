package delivery

import (
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
	case current.Place() == o.manifest.Destination:
		return current
	case o.manifest.Target != nil:
		return *o.manifest.Target
	}
	return o.rules.stream.Destination
}

// aim names the destination in a manifest that is not durable yet.
func (m *Manifest) aim(d stream.Destination, r *rules) {
	m.Destination, m.Target = d.Place(), nil
	if m.Destination != r.stream.Destination.Place() {
		m.Target = &d
	}
}

// retarget has an object whose destination was corrected in the configuration go to the new one. That needs certainty that
// it is not at the old one: either every attempt there was refused, or looking there finds nothing. It reports whether
// looking found the object, which is as good as delivered.
func (l *lane) retarget(ctx context.Context, o *object) (delivered bool, err error) {
	current := l.current(o.rules)
	if o.manifest.Destination == current.Place() {
		return false, nil
	}
	if o.doubtful {
		delivered, err := l.isThere(ctx, o)
		if err != nil || delivered {
			return delivered, err
		}
		o.doubtful = false
	}
	next := *o.manifest
	next.Attempted = true
	next.aim(current, o.rules)
	if err := l.commit(ctx, buffer.Change{Put: []buffer.Entry{next.entry()}}); err != nil {
		return false, fmt.Errorf("write the manifest for %s: %w", next.Destination, err)
	}
	l.log.Info("an object goes to the corrected destination", "key", next.Key, "from", o.manifest.Destination, "to", next.Destination)
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
	var conflict *ConflictError
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, ErrNotExist):
		return false, nil
	case errors.As(err, &conflict):
		return false, err
	}
	return false, fmt.Errorf("the destination was changed, but an attempt may have created the object at %s: it goes to the new one once "+
		"looking there shows that it did not: %w", o.manifest.Destination, err)
}

// attempts makes it durable whether an attempt may have created the object: before one starts, and after it was refused for
// a reason that only the operator mends. Then a restart with another destination need not ask the old one.
func (l *lane) attempts(ctx context.Context, o *object, attempted bool) error {
	if o.manifest.Attempted == attempted {
		return nil
	}
	next := *o.manifest
	next.Attempted = attempted
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
	if known.Class == Held && !o.doubtful {
		return l.attempts(ctx, o, false)
	}
	return nil
}
