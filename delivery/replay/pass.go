package replay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// The limits of a batch. A node that takes less says so, and gets less from then on.
const (
	batchRecords = 1000
	batchBytes   = 1 << 20
)

// maxRefused is how many spans of refused records a mark holds: a stream that refuses more is not the right one.
const maxRefused = 1000

// longestBatch holds any batch.
const longestBatch = batchRecords * longestRecord

// pass sends what is left of one original.
type pass struct {
	run     *run
	mark    *mark
	version string // of the mark as it is kept
}

func (p *pass) all(ctx context.Context, records *reader) error {
	for len(p.mark.Left) > 0 {
		b, err := records.read(p.next())
		if err == nil && p.mark.Sending != nil && p.mark.Sending.span != b.span {
			err = records.err // of another span it is another batch, and would be stored besides the one that was sent
		}
		if err != nil {
			return &objectError{err}
		}
		if len(b.records) == 0 {
			break
		}
		if err := p.run.pace.wait(ctx, len(b.records)); err != nil {
			return err
		}
		if err := p.deliver(ctx, b); err != nil {
			return err
		}
	}
	p.mark.Left, p.mark.Sending = nil, nil
	return p.save(ctx)
}

// next is the batch that a run before was sending, as it was, or else as much as may be.
func (p *pass) next() (s span, records int64, size int) {
	if s := p.mark.Sending; s != nil {
		return s.span, s.To - s.From, longestBatch
	}
	limit := p.run.limit
	if rate := p.run.options.Rate; rate > 0 {
		limit = min(limit, rate)
	}
	return p.mark.Left[0], limit, batchBytes
}

// deliver has a batch acknowledged, all of it but the records that the node refuses. A batch is refused as a whole; each
// half of it is sent then.
func (p *pass) deliver(ctx context.Context, b batch) error {
	doubtful := p.mark.doubtful(p.run.now()) && p.mark.Sending.span == b.span
	p.mark.intend(b.span, p.run.now())
	if err := p.save(ctx); err != nil {
		return err
	}
	known, err := p.run.sender.send(ctx, p.key(b), b.records)
	var refusal *Refusal
	switch {
	case err == nil:
		p.acknowledged(b, known, doubtful)
		return nil
	case !errors.As(err, &refusal) || !refusal.ofRecords():
		return fmt.Errorf("records %d to %d: %w", b.From+1, b.To, err)
	case len(b.records) == 1:
		return p.refused(b, refusal)
	}
	first, second := b.halves()
	if refusal.Code != "invalid_record" && refusal.Code != "record_too_large" {
		p.run.limit = max(1, int64(len(first.records))) // the node takes less at once
	}
	if err := p.deliver(ctx, first); err != nil {
		return err
	}
	return p.deliver(ctx, second)
}

func (p *pass) acknowledged(b batch, known, doubtful bool) {
	p.mark.acknowledged(b.span)
	n := int64(len(b.records))
	doubtful = doubtful && !known
	if doubtful {
		p.run.tell("object %s: records %d to %d were being sent by a run that ended more than %v ago: they are sent again, and may be stored twice",
			p.mark.Object.Key, b.From+1, b.To, Window)
	}
	p.run.tally.add(func(c *counts) {
		c.records += n
		if known {
			c.known += n
		}
		if doubtful {
			c.doubted += n
		}
	})
}

func (p *pass) refused(b batch, why error) error {
	p.mark.refused(b.span)
	p.run.tally.add(func(c *counts) { c.refused++ })
	p.run.tell("object %s: record %d is refused: %v", p.mark.Object.Key, b.From+1, why)
	if len(p.mark.Refused) > maxRefused {
		return fmt.Errorf("the node refuses more than %d of its records: is %s the right stream?", maxRefused, p.run.options.Node.Stream)
	}
	return nil
}

func (p *pass) save(ctx context.Context) error {
	version, err := p.run.marks.save(ctx, p.mark, p.version)
	if err != nil {
		return fmt.Errorf("write its mark: %w", err)
	}
	p.version = version
	return nil
}

// key names the batch, by what it holds and where it goes.
func (p *pass) key(b batch) string {
	identity, err := json.Marshal([]any{p.run.options.Source.Name(), p.run.options.Node.Stream, p.mark.Object, p.mark.Form, b.From, b.To})
	if err != nil {
		panic("replay: a batch's identity is always JSON: " + err.Error()) // strings and numbers
	}
	hash := sha256.Sum256(identity)
	return "replay-" + hex.EncodeToString(hash[:])
}
