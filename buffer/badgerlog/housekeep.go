package badgerlog

import (
	"context"
	"errors"
	"time"

	"hydrant/buffer"
)

// housekeep drops settled generations, makes room where the disk was full, and gives large generations back when the
// log is idle.
func (l *Log) housekeep() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-l.quit:
			return
		case <-l.kick:
			l.dropSettled()
			l.rewrite()
		case <-tick.C:
			l.checkPresence()
			l.guard()
			l.syncEntries()
			l.sealWaiting()
			l.expireKeys()
			l.dropSettled()
			l.retryRoom()
			l.countSparse()
			l.rewrite()
			l.shrink()
		}
	}
}

// shrink replaces large generations by small ones where everything is settled and nothing comes in, so that an idle log
// holds about nothing.
func (l *Log) shrink() {
	l.mu.Lock()
	current, used := l.current, l.committer.used.Load()
	if current == nil {
		l.mu.Unlock()
		return
	}
	idle := len(l.gens) == 1 && l.keys.heldBy(current)*keyBytes <= carryAnyway && current.live.Load() == 0 && used == l.looks.used && !l.supply.making
	large := current.capacity > minCapacity
	spare := l.supply.ready != nil && l.supply.ready.capacity > minCapacity
	l.looks.used = used
	l.mu.Unlock()
	if !idle || !large && !spare {
		return
	}
	l.committer.rate.Store(0)
	if err := l.replace(current, large); err != nil && !errors.Is(err, buffer.ErrClosed) {
		l.cfg.Log.Error("give back an idle generation", "error", err)
	}
}

func (l *Log) replace(current *generation, large bool) error {
	if err := l.dropReady(); err != nil {
		return err
	}
	if !large {
		l.makeAhead()
		return nil
	}
	return l.submit(context.Background(), func(g *group) error {
		g.carry, g.leave = current, true
		return nil
	})
}
