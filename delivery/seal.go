package delivery

import (
	"context"
	"fmt"
	"math"
	"time"

	"hydrant/buffer"
	"hydrant/stream"
)

// Reasons for a seal.
const (
	reasonSize     = "size"
	reasonInterval = "interval"
	reasonMemory   = "memory"
	reasonVersion  = "version"
	reasonDrain    = "drain"
	reasonFlush    = "flush"

	reasonPartitions = "partitions"
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
	l.countOpen(-1)
	l.closing = append(l.closing, o)
}

// closeAll closes up to n open objects, the oldest first.
func (l *lane) closeAll(reason string, n int) {
	for n = min(n, l.open.len); n > 0; n-- {
		l.close(l.open.oldest(), reason)
	}
}

// room is how many more objects may be sealed before the lane is at its bound.
func (l *lane) room() int {
	if l.full() {
		return 0
	}
	return max(0, l.service.cfg.Waiting-l.waiting-len(l.closing)-len(l.rebuilding.objects))
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
	l.closeAllDue()
	return l.seal(ctx)
}

func (l *lane) closeAllDue() {
	if l.ledger.position < l.target || l.open.len == 0 {
		return
	}
	now := time.Now()
	if now.Before(l.nextLook) {
		return
	}
	if l.dueIn(now) > 0 {
		l.caughtUp = false
		return
	}
	if head := l.in.Info().Head; !l.caughtUp && l.ledger.position < head {
		l.target, l.caughtUp = head, true
		return
	}
	l.nextLook = now.Add(l.interval() / 200) // 10,000 objects that become due one by one are not looked over each time
	all := l.closeDue(&l.open.warm, now, l.interval()) && l.closeDue(&l.open.cold, now, l.coldInterval())
	if l.caughtUp = !all; !all {
		l.nextLook = now
	}
}

// closeDue closes the objects of a list that have waited for an interval, but for those that may wait longer. It reports
// whether there was room for all.
func (l *lane) closeDue(list *order, now time.Time, interval time.Duration) bool {
	for o := range list.all() {
		wait := o.dueIn(now, interval)
		if wait > interval/20 {
			break // those behind it were opened later
		}
		switch {
		case wait > 0:
		case !o.cold && l.buffering.IsCold(o.bytes):
			l.open.chill(o)
		case l.room() == 0:
			return false
		default:
			l.close(o, reasonInterval)
		}
	}
	return true
}

// dueIn is how long all open objects may wait yet.
func (l *lane) dueIn(now time.Time) time.Duration {
	wait := time.Duration(math.MaxInt64)
	if o := l.open.warm.first; o != nil {
		wait = o.dueIn(now, l.interval())
	}
	if o := l.open.cold.first; o != nil {
		wait = min(wait, o.dueIn(now, l.coldInterval()))
	}
	return wait
}

func (l *lane) coldInterval() time.Duration { return time.Duration(l.buffering.ColdInterval) }

// crammed reports whether more partitions are open than may be.
func (l *lane) crammed() bool {
	return l.partitions.Exceeded != stream.ExceededError && l.open.len > l.partitions.Limit()
}

// thin closes the coldest objects while more are open than may be, as far as there is room. What one block opens is
// looked at once: no record's place depends on how many there are.
func (l *lane) thin() {
	for l.crammed() && l.room() > 0 {
		l.close(l.open.coldest(), reasonPartitions)
	}
}

// useRoom closes what waits for the room that uploads have left, before anything more is read: a partition that fills object
// after object leaves room for the others.
func (l *lane) useRoom() {
	l.thin()
	l.closeAllDue()
	l.closeDrained()
}

// closeDrained closes everything once the log is read to where a drain found its end, as far as there is room.
func (l *lane) closeDrained() {
	if l.hastens() && l.ledger.position >= l.target {
		l.closeAll(reasonDrain, l.room())
	}
}

// finishDrain seals everything once the log is read to its end, and says so when it is delivered.
func (l *lane) finishDrain(ctx context.Context) error {
	if !l.hastens() || l.ledger.position < l.target {
		return nil
	}
	l.closeDrained()
	if err := l.seal(ctx); err != nil {
		return err
	}
	if l.empty() {
		l.sayDrained()
	}
	return nil
}

// hastens reports whether everything is sealed once the position reaches the target.
func (l *lane) hastens() bool { return l.draining || l.hurry.on.Load() }

func (l *lane) sayDrained() { sayDone(l.drained) }

// sayDone closes a channel, once.
func sayDone(done chan struct{}) {
	select {
	case <-done:
	default:
		close(done)
	}
}

// seal makes the manifests of the closed objects durable, all in one group, and only then lets the uploads begin.
func (l *lane) seal(ctx context.Context) error {
	if len(l.closing) == 0 {
		return nil
	}
	if err := l.commit(ctx, buffer.Change{Put: l.manifests()}); err != nil {
		return fmt.Errorf("write %d manifests: %w", len(l.closing), err)
	}
	l.startClosed(ctx)
	return nil
}

// manifests completes the closed objects and returns what makes them sealed ones once it is durable.
func (l *lane) manifests() []buffer.Entry {
	if len(l.closing) == 0 {
		return nil
	}
	entries := l.overflow.flush()
	for _, o := range l.closing {
		l.finish(o)
		o.manifest = l.manifest(o)
		// At once, for another object of the same partition may follow in this very group. Should the commit fail, the lane
		// ends and with it the ledger.
		l.ledger.seal(o.entry, o.manifest.stateKey(), o.manifest.To)
		entries = append(entries, o.manifest.entry())
	}
	objectsClosed.Reach()
	return entries
}

// startClosed lets the uploads of the closed objects begin, whose manifests are durable.
func (l *lane) startClosed(ctx context.Context) {
	if len(l.closing) == 0 {
		return
	}
	objectsSealed.Reach()
	for _, o := range l.closing {
		l.service.deps.Metrics.sealed(l, o)
		l.observeSealed(o)
		l.start(ctx, o)
	}
	clear(l.closing)
	l.closing = l.closing[:0]
}

// finish completes an object. One that has to wait for others to be uploaded does so in scratch, where memory is
// needed.
func (l *lane) finish(o *object) {
	l.cut(o)
	cfg := l.service.cfg
	if l.waiting >= cfg.Uploads && l.service.memory.Load() > l.service.room()/2 {
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
	m.Store = l.storeAt(m.Address)
	m.Key = objectKey(m, l.info, o.prefix, o.rules.extension, time.UnixMilli(o.arrival).In(o.rules.zone))
	return m
}
