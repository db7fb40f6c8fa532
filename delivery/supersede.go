package delivery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hydrant/buffer"
)

// supersede settles a sealed object that cannot be made again because a part of its records is damaged. Where the object
// is at its destination as its manifest says, it is delivered. Where it is surely not there, a manifest of the next
// revision takes the old one's place: what is left of the records, under a key of its own. While the destination does
// not tell, nothing is decided.
func (l *lane) supersede(ctx context.Context, o *object) error {
	if err := l.settleRules(o); err != nil {
		return err
	}
	there, err := l.find(ctx, o)
	if err != nil {
		return err
	}
	if there {
		return l.settleFound(ctx, o)
	}
	old := o.manifest
	c := buffer.Change{Delete: []string{old.stateKey()}}
	if o.outputs > 0 {
		o.manifest, o.doubtful = l.superseding(o), false
		o.entry.stateKey = o.manifest.stateKey()
		c.Put = []buffer.Entry{o.manifest.entry()}
	} else {
		l.ledger.void(o.entry)
	}
	if err := l.commit(ctx, c); err != nil {
		return fmt.Errorf("supersede the manifest of %s: %w", old.Key, err)
	}
	l.log.Error("a sealed object was damaged in the buffer before it was delivered; what is left of it goes out under another key",
		"key", old.Key, "outputs", old.Outputs, "left", o.outputs, "new_key", o.manifest.Key)
	l.service.deps.Metrics.superseded(l.info.Name)
	if o.outputs > 0 {
		l.start(ctx, o)
	}
	return nil
}

// settleRules finds the rules of an object of which no record is left.
func (l *lane) settleRules(o *object) (err error) {
	if o.rules != nil {
		return nil
	}
	for _, v := range l.in.Info().InUse {
		if v.Number == o.manifest.Version {
			o.rules, err = l.rulesOf(&v)
			return err
		}
	}
	return fmt.Errorf("the object %s cannot be looked for: version %d of the stream's definition is lost", o.manifest.Key, o.manifest.Version)
}

// find reports whether the object is at its destination as its manifest says. It asks until it has an answer.
func (l *lane) find(ctx context.Context, o *object) (bool, error) {
	for attempt := 0; ; attempt++ {
		there, err := l.retarget(ctx, o) // the answer of a place that is configured no more
		if err == nil && !there {
			there, err = l.look(ctx, o)
		}
		if err == nil || isFinal(err) {
			return there, err
		}
		l.troubled(err)
		wait := backoff(classOf(err), attempt)
		l.log.Warn("whether a damaged object was delivered is not known yet; asking again", "key", o.manifest.Key, "wait", wait, "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

func (l *lane) look(ctx context.Context, o *object) (bool, error) {
	t := l.service.target(l.home(o))
	defer t.leave()
	d, err := t.open(ctx)
	if err != nil {
		return false, err
	}
	_, err = d.Stat(ctx, o.manifest.Key)
	if errors.Is(err, ErrNotExist) {
		l.recovered()
		return false, nil
	}
	if err == nil {
		err = l.verify(ctx, d, o)
	}
	if errors.Is(err, ErrNotExist) { // there a moment ago: neither answer can be trusted
		err = &Error{Op: "stat", Key: o.manifest.Key, Class: Transient, Err: err}
	}
	if err == nil {
		l.recovered()
	}
	return err == nil, err
}

// settleFound marks the object delivered as its manifest says, with the records that are damaged by now.
func (l *lane) settleFound(ctx context.Context, o *object) error {
	m := o.manifest
	l.totals.Spared += (m.Outputs - m.Extra) - (o.outputs - o.extra) // in records
	o.outputs, o.extra, o.bytes = m.Outputs, m.Extra, m.Bytes
	o.failure, _, _ = strings.Cut(m.Partition, "\x00")
	l.expect(o)
	return l.settle(ctx, result{object: o})
}

// superseding is the manifest of what is left of an object. The range stays, so that nothing else is ever taken for a
// part of it.
func (l *lane) superseding(o *object) *Manifest {
	m := *o.manifest
	m.Revision++
	m.Outputs, m.Extra, m.Bytes, m.Checksum = o.outputs, o.extra, o.bytes, o.checksum()
	m.Epoch = l.info.Origin.Epoch
	stem := strings.TrimSuffix(m.Key, o.rules.extension)
	m.Key = stem[:len(stem)-idLength] + objectID(&m, l.info) + o.rules.extension
	return &m
}
