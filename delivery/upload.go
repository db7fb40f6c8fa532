package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/cespare/xxhash/v2"

	"hydrant/buffer"
)

// result is how an upload ended.
type result struct {
	object *object
	err    error // nil: delivered. Else the lane cannot go on; what can be tried again never gets here
}

// expect counts a sealed object among those that are to be delivered.
func (l *lane) expect(o *object) {
	l.waiting++
	l.stored += o.stored
	l.sealed[o] = struct{}{}
}

// start begins the upload of a sealed object.
func (l *lane) start(ctx context.Context, o *object) {
	l.expect(o)
	l.uploads.Go(func() {
		r := result{o, l.deliver(ctx, o)}
		select {
		case l.results <- r:
		case <-ctx.Done():
		}
	})
}

// deliver tries until the object is surely there. It is the one place that retries: without end, because no kind of
// trouble may drop data; more slowly the less a retry can help. A slot is held only while an attempt is under way.
func (l *lane) deliver(ctx context.Context, o *object) error {
	for attempt := 0; ; attempt++ {
		start := time.Now()
		err := l.attempt(ctx, o)
		l.service.deps.Metrics.attempted(l, err, time.Since(start))
		l.observeUploaded(o, attempt, start, err)
		if err == nil {
			l.recovered()
			return nil
		}
		if ctx.Err() == nil {
			l.report(o, err)
		}
		if isFinal(err) || errors.Is(err, errScratchDamaged) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := l.learn(ctx, o, err); err != nil {
			return err
		}
		l.troubled(err)
		wait := backoff(classOf(err), attempt)
		l.tellFailure(o, err, attempt, wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// isFinal says that trying again cannot help, and might harm.
func isFinal(err error) bool {
	var conflict *ConflictError
	var lease *LeaseError
	return errors.As(err, &conflict) || errors.As(err, &lease)
}

// attempt creates the object, or finds that an earlier attempt did.
func (l *lane) attempt(ctx context.Context, o *object) error {
	o.begun = false
	if delivered, err := l.retarget(ctx, o); err != nil || delivered {
		return err
	}
	t := l.service.target(l.home(o))
	defer t.leave()
	l.keep(t)
	d, store, err := t.ready(ctx, l)
	if err != nil {
		return err
	}
	l.noteStore(t.definition.Address(), store)
	if err := l.admit(ctx, o.manifest.Destination); err != nil {
		return err
	}
	if err := l.attempts(ctx, o, true, store); err != nil {
		return err
	}
	o.begun = true
	ticket, err := l.service.uploads.enter(ctx, l.sharer(), t.gate)
	if err != nil {
		return err
	}
	ended := l.uploading(o)
	err = l.create(ctx, d, o)
	ended()
	l.service.uploads.leave(ticket, err)
	return err
}

func (l *lane) create(ctx context.Context, d Destination, o *object) error {
	if o.damaged() {
		return errScratchDamaged
	}
	err := d.Create(ctx, &Object{
		Key:             o.manifest.Key,
		Body:            o.body(),
		ContentEncoding: o.rules.codec.ContentEncoding(),
		Metadata:        o.manifest.metadata(l.info),
	})
	if errors.Is(err, ErrExists) {
		o.doubtful = true // until it is known to be ours
		return l.verify(ctx, d, o)
	}
	return err
}

// ConflictError says that the object under a manifest's key is not the manifest's. Somebody else writes there, or a copied
// data directory does; nothing is overwritten and the stream stops.
type ConflictError struct {
	Key        string
	Want, Have Metadata
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("the object %s exists and is another one (it holds %+v, ours would hold %+v): find out who wrote it, move it away and restart",
		e.Key, e.Have, e.Want)
}

// verify decides whether the object that exists is the one that the manifest means: an earlier attempt, whose answer was
// lost or whose process died.
func (l *lane) verify(ctx context.Context, d Destination, o *object) error {
	want := o.manifest.metadata(l.info)
	have, err := d.Stat(ctx, o.manifest.Key)
	if err != nil {
		return err // gone again is odd, but the next attempt will tell
	}
	if have == (Metadata{}) {
		if have, err = l.inspect(ctx, d, o); err != nil {
			return err
		}
	}
	if have != want {
		return &ConflictError{Key: o.manifest.Key, Want: want, Have: have}
	}
	return nil
}

// inspect reads the object where the destination keeps no metadata. The key being a hash of the rest, the checksum of the
// content decides.
func (l *lane) inspect(ctx context.Context, d Destination, o *object) (Metadata, error) {
	fail := func(err error) (Metadata, error) {
		return Metadata{}, &Error{Op: "verify", Key: o.manifest.Key, Class: Transient, Err: err}
	}
	r, err := d.Open(ctx, o.manifest.Key)
	if err != nil {
		return fail(err)
	}
	defer r.Close()
	have := o.manifest.metadata(l.info)
	have.Checksum = "unreadable"
	content, err := o.rules.codec.Decode(r)
	if err != nil {
		return have, nil
	}
	defer content.Close()
	sum := xxhash.New()
	if _, err := io.Copy(sum, content); err == nil {
		have.Checksum = checksumText(sum.Sum64())
	}
	return have, nil
}

// settle notes what is delivered and makes it durable, with everything else that has arrived meanwhile.
func (l *lane) settle(ctx context.Context, r result) error {
	c, err := l.arrived(ctx, r)
	if err != nil {
		return err
	}
	return l.mark(ctx, c)
}

// settleAndSeal settles, and seals what the uploads have left room for: one group holds the marks of some objects and the
// manifests of others. Where many small objects wait, that halves the syncs.
func (l *lane) settleAndSeal(ctx context.Context, r result) error {
	c, err := l.arrived(ctx, r)
	if err != nil {
		return err
	}
	l.useRoom()
	c.Put = append(c.Put, l.manifests()...)
	if err := l.mark(ctx, c); err != nil {
		return err
	}
	l.startClosed(ctx)
	return nil
}

// arrived takes the objects of an upload that has ended, and of all others that have, off the lane. It returns the change
// that settles them.
func (l *lane) arrived(ctx context.Context, r result) (buffer.Change, error) {
	var marks []buffer.Entry
	for more := true; more; {
		var lease *LeaseError
		if errors.As(r.err, &lease) {
			return buffer.Change{}, errors.Join(r.err, l.refuse(ctx, lease))
		}
		if r.err != nil {
			return buffer.Change{}, r.err
		}
		marks = append(marks, l.delivered(r.object))
		select {
		case r = <-l.results:
		default:
			more = false
		}
	}
	c := l.advance()
	c.Put = append(c.Put, marks...)
	objectCreated.Reach()
	return c, nil
}

// mark makes the change durable that settles objects.
func (l *lane) mark(ctx context.Context, c buffer.Change) error {
	if err := l.move(ctx, c); err != nil {
		return err
	}
	objectsMarked.Reach()
	l.publishTotals()
	return nil
}

// delivered takes an object off the lane and returns its mark.
func (l *lane) delivered(o *object) buffer.Entry {
	l.countAll(o)
	o.manifest.Delivered = true
	l.ledger.settle(o.entry)
	l.waiting--
	l.stored -= o.stored
	delete(l.sealed, o)
	l.account(-o.memory)
	l.totals.add(o)
	l.observeDelivered(o)
	o.forget(l.scratch)
	return o.manifest.entry()
}

// classOf is an error's class; one that no destination made is transient.
func classOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return Transient
}

// backoff is the wait before the next attempt: exponential with full jitter, from and up to bounds by class.
func backoff(c Class, attempt int) time.Duration {
	bounds := map[Class]struct{ first, most time.Duration }{
		Transient: {100 * time.Millisecond, 10 * time.Second},
		Throttled: {time.Second, 30 * time.Second},
		Held:      {2 * time.Second, 30 * time.Second},
	}[c]
	limit := bounds.first << min(attempt, 16)
	limit = min(limit, bounds.most)
	return limit/4 + rand.N(limit*3/4)
}
