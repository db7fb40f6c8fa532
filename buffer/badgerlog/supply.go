package badgerlog

import (
	"errors"
	"time"

	"hydrant/buffer"
)

// makeAhead lets the next generation be made, so that the committer finds it ready.
func (l *Log) makeAhead() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ready != nil || l.making || l.closed {
		return
	}
	l.making = true
	l.keepers.Go(l.makeNext)
}

func (l *Log) makeNext() {
	capacity := l.capacity()
	g, err := l.makeGeneration(capacity)
	var full *buffer.FullError
	if errors.As(err, &full) && capacity > minCapacity {
		g, err = l.makeGeneration(minCapacity)
	}
	full = nil
	if err != nil {
		full = notMade(err)
	}
	l.mu.Lock()
	before := l.full
	l.ready, l.full, l.making = g, full, false
	l.made.Broadcast()
	l.mu.Unlock()
	if full != nil {
		wake(l.kick) // a generation may be kept for its keys alone
	}
	switch {
	case full != nil && before == nil:
		l.cfg.Log.Warn("the buffer takes no more records until some are delivered", "reason", full.Error())
	case full == nil && before != nil:
		l.cfg.Log.Info("the buffer takes records again")
	}
}

// nextGeneration returns one that takes n values of stored bytes; the error is a *buffer.FullError. For the committer alone.
func (l *Log) nextGeneration(stored int64, n int) (*generation, error) {
	l.mu.Lock()
	for l.making {
		l.made.Wait()
	}
	g := l.ready
	l.ready = nil
	l.mu.Unlock()
	if g != nil && g.fits(stored, n) {
		return g, nil
	}
	// None could be made ahead, or one request is larger than a whole generation: it gets one of its own size.
	if g != nil {
		if err := g.discard(); err != nil {
			return nil, notMade(err)
		}
	}
	need := stored + int64(n)*entryOverhead
	g, err := l.makeGeneration(max(minCapacity, need+slack))
	if full := (*buffer.FullError)(nil); errors.As(err, &full) && need <= lastCapacity/2 {
		l.mu.Lock()
		l.full = full
		l.mu.Unlock()
		g, err = l.makeLast()
	}
	if err != nil {
		return nil, notMade(err)
	}
	return g, nil
}

// makeGeneration makes one where max_disk and the disk allow it; the error is a *buffer.FullError where they do not.
func (l *Log) makeGeneration(capacity int64) (*generation, error) {
	l.space.Lock()
	defer l.space.Unlock()
	if err := l.allows(generationSpace(capacity)); err != nil {
		return nil, err
	}
	return createGeneration(l.cfg.Dir, l.nextID(), capacity, l.cfg.Log)
}

// notMade is why no generation could be made, as what everybody waits out: nothing was stored, and whatever it is may pass.
func notMade(err error) *buffer.FullError {
	if full := (*buffer.FullError)(nil); errors.As(err, &full) {
		return full
	}
	return &buffer.FullError{Reason: "the next generation could not be made: " + err.Error()}
}

// capacity is what the next generation should take: a sixth of the backlog, so that partly settled generations cost
// little, but enough for the last two seconds' rate, so that generations do not change faster than they are made, and
// never more than a twelfth of what the disk and max_disk allow.
func (l *Log) capacity() int64 {
	l.mu.Lock()
	held := l.disk()
	l.mu.Unlock()
	usable := usableSpace(l.cfg.MaxDisk, held, l.cfg.free(l.cfg.Dir))
	want := max(l.backlog()/6, 2*l.committer.rate.Load())
	return max(min(want, maxCapacity, usable/12), minCapacity)
}

// measureRate notes how fast a generation was filled.
func (l *Log) measureRate(g *generation, since time.Time) {
	if elapsed := l.cfg.now().Sub(since); elapsed > 0 {
		l.committer.rate.Store(int64(float64(g.used) / elapsed.Seconds()))
	}
}

// dropReady gives back the generation that was made ahead.
func (l *Log) dropReady() error {
	l.mu.Lock()
	g := l.ready
	l.ready = nil
	l.mu.Unlock()
	if g == nil {
		return nil
	}
	return g.discard()
}

// retryRoom tries again where no generation could be made.
func (l *Log) retryRoom() {
	l.mu.Lock()
	full := l.full != nil
	l.mu.Unlock()
	if full {
		l.makeAhead()
	}
}

// makeLast makes a small generation where there is no room for one of records: in the reserve's space. It takes the
// changes of state that drain a full log.
func (l *Log) makeLast() (*generation, error) {
	l.space.Lock()
	defer l.space.Unlock()
	need := generationSpace(lastCapacity)
	if err := l.giveUpReserve("a full buffer needs a generation for its state"); err != nil {
		return nil, err
	}
	l.mu.Lock()
	used := l.disk()
	l.mu.Unlock()
	if used+need > l.cfg.MaxDisk {
		return nil, &buffer.FullError{Used: used, Limit: l.cfg.MaxDisk, Reason: "buffer.max_disk is reached, the reserve included"}
	}
	if err := l.clearFor(need + closingSpace(slotsFor(lastCapacity))); err != nil {
		return nil, err
	}
	g, err := createGeneration(l.cfg.Dir, l.nextID(), lastCapacity, l.cfg.Log)
	if err != nil {
		return nil, err
	}
	g.reserved = true
	return g, nil
}

func (l *Log) nextID() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastID++
	return l.lastID
}
