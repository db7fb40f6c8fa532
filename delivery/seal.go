package delivery

import (
	"context"
	"fmt"
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
}

// close ends an open object; the next output of its partition opens another.
func (l *lane) close(o *object, reason string) {
	if o.reason != "" {
		return
	}
	o.reason = reason
	delete(o.rules.open, o.partition)
	l.open.remove(o)
	l.service.open.Add(-1)
	l.closing = append(l.closing, o)
}

// closeAll closes up to n open objects, the oldest first.
func (l *lane) closeAll(reason string, n int) {
	for n = min(n, l.open.len); n > 0; n-- {
		l.close(l.open.first, reason)
	}
}

// room is how many more objects may be sealed before the lane is at its bound.
func (l *lane) room() int {
	if l.full() {
		return 0
	}
	return max(0, l.service.cfg.Waiting-l.waiting-len(l.closing))
}

// full reports whether the sealed objects that wait are at their bound, in number or in bytes.
func (l *lane) full() bool {
	bytes := l.stored
	for _, o := range l.closing {
		bytes += o.stored + int64(o.tail.size)
	}
	return l.waiting >= l.service.cfg.Waiting || bytes >= l.service.cfg.WaitingBytes
}

// sealDue seals what has waited for its interval, once everything is read that was in the log when the first of it became
// due. A reader that is behind by more than the interval would otherwise seal an object for every block it reads.
func (l *lane) sealDue(ctx context.Context) error {
	if l.ledger.position < l.target || l.open.len == 0 {
		return nil
	}
	now, first := time.Now(), l.open.first
	if now.Before(l.nextLook) || first.dueIn(now, l.interval()) > 0 {
		return nil
	}
	if head := l.in.Info().Head; !l.caughtUp && l.ledger.position < head {
		l.target, l.caughtUp = head, true
		return nil
	}
	l.caughtUp = false
	l.nextLook = now.Add(l.interval() / 200) // 10,000 objects that become due one by one are not looked over each time
	for o := range l.open.all() {
		wait := o.dueIn(now, l.interval())
		if l.room() == 0 {
			l.nextLook = now
			break
		}
		if wait > l.interval()/20 {
			break // those behind it were opened later
		}
		if wait <= 0 {
			l.close(o, reasonInterval)
		}
	}
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
	if l.open.len == 0 && l.waiting == 0 {
		l.sayDrained()
	}
	return nil
}

func (l *lane) sayDrained() {
	select {
	case <-l.drained:
	default:
		close(l.drained)
	}
}

// seal makes the manifests of the closed objects durable, all in one group, and only then lets the uploads begin.
func (l *lane) seal(ctx context.Context) error {
	if len(l.closing) == 0 {
		return nil
	}
	var c buffer.Change
	for _, o := range l.closing {
		l.finish(o)
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
		l.service.deps.Metrics.sealed(l, o)
		l.observeSealed(o)
		l.start(ctx, o)
	}
	clear(l.closing)
	l.closing = l.closing[:0]
	return nil
}

// finish ends an object's content. One that has to wait for others to be uploaded does so in scratch, where memory is
// needed.
func (l *lane) finish(o *object) {
	l.account(o.finish())
	cfg := l.service.cfg
	if l.waiting >= cfg.Uploads && l.service.memory.Load() > cfg.Memory/2 {
		l.spill([]*object{o}, 0)
	}
}

func (l *lane) manifest(o *object) *Manifest {
	m := &Manifest{
		Version:   o.rules.version,
		Backup:    l.track == backupTrack,
		Partition: o.partition,
		From:      l.ledger.from(o.entry.partition),
		First:     o.first,
		To:        o.last,
		Outputs:   o.outputs,
		Extra:     o.extra,
		Bytes:     o.bytes,
		Checksum:  o.checksum(),
		Codec:     o.rules.codec.Name(),
		Epoch:     l.info.Origin.Epoch,
		Reason:    o.reason,
		Attempted: true,
	}
	m.aim(l.current(o.rules), o.rules)
	m.Key = objectKey(m, l.info, o.prefix, o.rules.extension, time.UnixMilli(o.arrival).In(o.rules.zone))
	return m
}
