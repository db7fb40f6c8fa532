package main

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"hydrant/buffer"
	"hydrant/gateway/ingest"
	"hydrant/partitioner"
	"hydrant/stream"
)

// definition is one on its way into force.
type definition struct {
	stream stream.Stream
	known  buffer.Stream // as the log has it; zero for a new one
	next   buffer.Definition
	inLog  bool // it is in force in the log
	err    error
}

// prepare finds out what puts a definition in force. Its err is a *buffer.DataKeyError where there is no key for it.
func (s *streamSet) prepare(ctx context.Context, known buffer.Stream, d stream.Stream) *definition {
	// By the oldest logic that does, so that a new release makes no new versions of what it serves as before.
	next := buffer.Definition{
		Stream: known.ID, Name: d.Name, Logic: partitioner.LogicOf(d), Data: d.Encode(), Key: known.Current.Key, Derives: d.Transform != nil,
	}
	p := &definition{stream: d, known: known, next: next}
	if known.Current.Logic == next.Logic && bytes.Equal(known.Current.Data, next.Data) {
		p.inLog = true
		return p
	}
	if p.next.Key, p.err = s.keyFor(ctx, known, d); p.err == nil && known.ID.IsZero() {
		p.next.Stream = buffer.NewStreamID()
	}
	return p
}

// locked is what the definition lacks; nil if that is no data key.
func (p *definition) locked() (missing *buffer.DataKeyError) {
	errors.As(p.err, &missing)
	return missing
}

// failed reports whether the definition cannot come into force, for another reason than that it lacks a data key.
func (p *definition) failed() bool { return p.err != nil && p.locked() == nil }

// entry is the stream as the gateway is to know it.
func (p *definition) entry() ingest.Stream {
	missing := p.locked()
	if missing == nil {
		return catalogEntry(p.next.Stream, p.stream, p.next.Key)
	}
	e := catalogEntry(p.known.ID, p.stream, p.known.Current.Key) // the definition before is in force
	e.Locked = missing
	return e
}

// definesAtOnce is how many definitions may become durable together. More would make groups of many megabytes.
const definesAtOnce = 64

// define puts those definitions in force that are prepared. After one that fails, other than for want of a data key, no
// more are begun.
func (s *streamSet) define(ctx context.Context, prepared []*definition) {
	var failed atomic.Bool
	var defines errgroup.Group
	defines.SetLimit(definesAtOnce)
	for _, p := range prepared {
		if failed.Load() || p.failed() {
			break
		}
		if p.inLog || p.err != nil {
			continue
		}
		ctx := ctx
		if p.next.Key != 0 {
			ctx = context.WithoutCancel(ctx) // its outcome must be known before anybody looks which keys are needed
		}
		defines.Go(func() error {
			v, err := s.log.Define(ctx, p.next)
			if err == nil {
				s.logger.Info("a definition is in force", "stream", p.next.Name, "version", v.Number)
				return nil
			}
			p.err = err
			if p.failed() {
				failed.Store(true)
			}
			return nil
		})
	}
	_ = defines.Wait() // each definition has its own error
}
