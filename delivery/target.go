package delivery

import (
	"context"
	"errors"
	"io"

	"hydrant/stream"
)

// Prober is a Destination that has to find out what its store can do. Probe is called before the first object is created,
// and again after an error, which is a *Error. Nothing else runs beside it.
type Prober interface {
	Probe(ctx context.Context) (Conditions, error)
}

// Conditions are the kinds of creation that the store refuses where an object exists.
type Conditions struct {
	Put       bool // of an object in one request
	Multipart bool // of one in parts
}

// target is a definition's destination in use. It is opened, probed and leased by the first upload that needs it, and what
// fails there is that upload's trouble: it is tried again, and a store that is down fails no start.
//
// It is let go once nobody uses it: no upload under way, and no lane whose last upload went there.
type target struct {
	service    *Service
	key        string
	definition stream.Destination
	gate       *gate
	users      int // guarded by the service's mu

	turn        chan struct{} // its holder has what follows
	destination Destination   // nil until it is opened
	probed      bool
	lease       *lease // nil until it is known whether the destination keeps records
}

// target returns the one that serves a definition, for one use that ends with leave.
func (s *Service) target(definition stream.Destination) *target {
	key := string(stream.Stream{Destination: definition}.Encode())
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.targets[key]
	if t == nil {
		name := definition.Place()
		t = &target{service: s, key: key, definition: definition, turn: make(chan struct{}, 1)}
		t.gate = newGate(s.cfg.Uploads, func(limit int) { s.deps.Metrics.bounded(name, limit) })
		s.targets[key] = t
	}
	t.users++
	return t
}

// leave ends a use.
func (t *target) leave() {
	t.service.mu.Lock()
	defer t.service.mu.Unlock()
	t.service.leaveTarget(t)
}

// leaveTarget is leave with mu held; nil is none.
func (s *Service) leaveTarget(t *target) {
	if t == nil {
		return
	}
	if t.users--; t.users > 0 {
		return
	}
	delete(s.targets, t.key)
	s.forgetPlace(t.definition.Place())
	// The lease stays as it is: another target of this life may hold it too, and to release it only saves time.
	s.leaving.Go(func() {
		if err := t.disconnect(); err != nil {
			s.deps.Log.Warn("a destination that nothing goes to any more cannot be closed", "destination", t.definition.Place(), "error", err)
		}
	})
}

// forgetPlace takes a place out of the metrics, unless another target is there too. Called with mu held.
func (s *Service) forgetPlace(place string) {
	for _, t := range s.targets {
		if t.definition.Place() == place {
			return
		}
	}
	s.deps.Metrics.forgetDestination(place)
}

// keep has a lane use a target until it uses another one, or is gone: between two uploads nothing is closed.
func (l *lane) keep(t *target) {
	l.service.mu.Lock()
	defer l.service.mu.Unlock()
	if l.kept == t {
		return
	}
	t.users++
	l.service.leaveTarget(l.kept)
	l.kept = t
}

// open returns the destination as it is, for looking only.
func (t *target) open(ctx context.Context) (Destination, error) {
	if err := t.lock(ctx); err != nil {
		return nil, err
	}
	defer t.unlock()
	return t.opened(ctx)
}

// ready returns the destination once it is known what it can do and that no other life of this log writes there, and which
// store it is: empty where it keeps no records. Its errors are *Error and refused, or a *LeaseError.
func (t *target) ready(ctx context.Context, l *lane) (d Destination, store string, err error) {
	if err := t.lock(ctx); err != nil {
		return nil, "", err
	}
	defer t.unlock()
	if d, err = t.opened(ctx); err != nil {
		return nil, "", err
	}
	if err := t.probe(ctx); err != nil {
		return nil, "", unsent(err)
	}
	if err := t.hold(ctx, l); err != nil {
		return nil, "", unsent(err)
	}
	if t.lease != nil {
		store = t.lease.store
	}
	return d, store, nil
}

func (t *target) opened(ctx context.Context) (Destination, error) {
	if t.destination != nil {
		return t.destination, nil
	}
	d, err := t.service.deps.Open(ctx, t.definition)
	if err != nil {
		var known *Error
		if errors.As(err, &known) {
			return nil, err
		}
		return nil, &Error{Op: "open", Key: t.definition.Place(), Class: Held, Refused: true, Err: err}
	}
	t.destination = d
	return d, nil
}

func (t *target) probe(ctx context.Context) error {
	p, ok := t.destination.(Prober)
	if t.probed || !ok {
		return nil
	}
	can, err := p.Probe(ctx)
	if err != nil {
		return err
	}
	t.probed = true
	name := t.definition.Place()
	t.service.deps.Metrics.conditional(name, can)
	log := t.service.deps.Log.With("destination", name, "put", can.Put, "multipart", can.Multipart)
	if !can.Put {
		log.Warn("the store ignores If-None-Match: each upload looks first whether its object is there and then overwrites. " +
			"The lease keeps this node the only writer, but an upload that was given up and lands late, or two nodes in the " +
			"same seconds, are not noticed")
		return nil
	}
	log.Info("the store refuses to overwrite objects")
	return nil
}

// unsent marks an error of what comes before an upload: its object was not touched.
func unsent(err error) error {
	var known *Error
	if !errors.As(err, &known) {
		return err
	}
	refused := *known
	refused.Refused = true
	return &refused
}

func (t *target) lock(ctx context.Context) error {
	select {
	case t.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *target) unlock() { <-t.turn }

// close gives the lease back, so that the next life need not wait, and lets connections and locks go. No upload runs.
func (t *target) close(ctx context.Context) error {
	if t.lease != nil {
		t.lease.release(ctx)
	}
	return t.disconnect()
}

// disconnect lets connections and locks go. Nobody uses the target.
func (t *target) disconnect() error {
	if c, ok := t.destination.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
