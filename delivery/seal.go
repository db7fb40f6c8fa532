package delivery

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"hydrant/buffer"
)

// Reasons for a seal.
const (
	reasonSize     = "size"
	reasonInterval = "interval"
	reasonMemory   = "memory"
	reasonVersion  = "version"
	reasonDrain    = "drain"
)

// closeFilled closes what the record in hand filled: never before all of the record's outputs are in.
func (l *lane) closeFilled() {
	if len(l.filled) == 0 {
		return
	}
	for _, o := range l.filled {
		l.close(o, reasonSize)
	}
	l.filled = l.filled[:0]
	l.open = slices.DeleteFunc(l.open, func(o *object) bool { return o.reason != "" })
}

// close ends an open object; the next output of its partition opens another. The caller takes it off the open list.
func (l *lane) close(o *object, reason string) {
	if o.reason != "" {
		return
	}
	o.reason = reason
	delete(o.rules.open, o.partition)
	l.closing = append(l.closing, o)
}

// closeAll closes up to n open objects, the oldest first.
func (l *lane) closeAll(reason string, n int) {
	n = min(n, len(l.open))
	for _, o := range l.open[:n] {
		l.close(o, reason)
	}
	l.open = slices.Delete(l.open, 0, n)
}

// room is how many more objects may be sealed before the lane is at its bound.
func (l *lane) room() int { return max(0, l.service.cfg.Waiting-l.waiting-len(l.closing)) }

// relieve closes the largest open objects, until half the lane's open memory is given up, where all lanes together hold
// more than their budget.
func (l *lane) relieve() {
	cfg := l.service.cfg
	if l.service.memory.Load() <= cfg.Memory || l.memory <= cfg.Memory/16 {
		return
	}
	largest := slices.SortedFunc(slices.Values(l.open), func(a, b *object) int { return cmp.Compare(b.memory, a.memory) })
	var held int64
	for _, o := range largest {
		held += o.memory
	}
	for _, o := range largest[:min(len(largest), l.room())] {
		l.close(o, reasonMemory)
		if held -= 2 * o.memory; held <= 0 {
			break
		}
	}
	l.open = slices.DeleteFunc(l.open, func(o *object) bool { return o.reason != "" })
}

// sealDue seals what has waited for its interval, once everything is read that was in the log when the first of it became
// due. A reader that is behind by more than the interval would otherwise seal an object for every block it reads.
func (l *lane) sealDue(ctx context.Context) error {
	if l.ledger.position < l.target || len(l.open) == 0 {
		return nil
	}
	now, first := time.Now(), l.open[0]
	if first.dueIn(now, l.interval()) > 0 {
		return nil
	}
	if head := l.in.Info().Head; !l.caughtUp && l.ledger.position < head {
		l.target, l.caughtUp = head, true
		return nil
	}
	l.caughtUp = false
	for _, o := range l.open {
		wait := o.dueIn(now, l.interval())
		if wait > l.interval()/20 || l.room() == 0 {
			break // those behind it were opened later
		}
		if wait <= 0 {
			l.close(o, reasonInterval)
		}
	}
	l.open = slices.DeleteFunc(l.open, func(o *object) bool { return o.reason != "" })
	return l.seal(ctx)
}

// finishDrain seals everything once the log is read to its end, and says so when it is delivered.
func (l *lane) finishDrain(ctx context.Context) error {
	if l.ledger.position < l.target {
		return nil
	}
	l.closeAll(reasonDrain, l.room())
	if err := l.seal(ctx); err != nil {
		return err
	}
	if len(l.open) == 0 && l.waiting == 0 {
		select {
		case <-l.drained:
		default:
			close(l.drained)
		}
	}
	return nil
}

// seal makes the manifests of the closed objects durable, all in one group, and only then lets the uploads begin.
func (l *lane) seal(ctx context.Context) error {
	if len(l.closing) == 0 {
		return nil
	}
	var c buffer.Change
	for _, o := range l.closing {
		l.account(o.finish())
		o.manifest = l.manifest(o)
		// At once, for another object of the same partition may follow in this very group. Should the commit fail, the lane
		// ends and with it the ledger.
		l.ledger.seal(o.entry, o.manifest.stateKey(), o.manifest.To)
		c.Put = append(c.Put, o.manifest.entry())
	}
	if err := l.commit(ctx, c); err != nil {
		return fmt.Errorf("write %d manifests: %w", len(c.Put), err)
	}
	for _, o := range l.closing {
		l.service.deps.Metrics.sealed(l.info.Name, o)
		l.start(ctx, o)
	}
	clear(l.closing)
	l.closing = l.closing[:0]
	return nil
}

func (l *lane) manifest(o *object) *Manifest {
	m := &Manifest{
		Version:   o.rules.version,
		Partition: o.partition,
		From:      l.ledger.from(o.entry.partition),
		First:     o.first,
		To:        o.last,
		Outputs:   o.outputs,
		Bytes:     o.bytes,
		Checksum:  o.checksum(),
		Codec:     o.rules.codec.Name(),
		Epoch:     l.info.Origin.Epoch,
		Reason:    o.reason,
		Attempted: true,
	}
	m.aim(l.current(o.rules), o.rules)
	m.Key = objectKey(m, l.info, o.prefix, o.rules.codec.Extension(), time.UnixMilli(o.arrival).In(o.rules.zone))
	return m
}
