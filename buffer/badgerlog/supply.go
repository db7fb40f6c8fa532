package badgerlog

import (
	"errors"
	"sync"
	"time"

	"hydrant/buffer"
)

// supply is where the next generation comes from: it is made ahead of its time. Guarded by Log.mu.
type supply struct {
	ready  *generation
	making bool              // one is being made
	made   *sync.Cond        // the maker is done, for better or worse
	full   *buffer.FullError // why none could be made
	lastID uint64            // of a generation
}

// out reports that no generation is ready and none could be made: what is left of the current one is for the changes of
// state that drain the log.
func (s *supply) out() bool { return s.full != nil && s.ready == nil }

// take hands out the generation that was made ahead, if there is one.
func (s *supply) take() *generation {
	g := s.ready
	s.ready = nil
	return g
}

// makeAhead lets the next generation be made, so that the committer finds it ready.
func (l *Log) makeAhead() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.supply.ready != nil || l.supply.making || l.closed {
		return
	}
	l.supply.making = true
	l.keepers.Go(l.makeNext)
}

func (l *Log) makeNext() {
	capacity := l.capacity()
	g, err := l.makeGeneration(capacity)
	if _, full := errors.AsType[*buffer.FullError](err); full && capacity > minCapacity {
		g, err = l.makeGeneration(minCapacity)
	}
	var full *buffer.FullError
	if err != nil {
		full = notMade(err)
	}
	l.mu.Lock()
	before := l.supply.full
	l.supply.ready, l.supply.full, l.supply.making = g, full, false
	l.supply.made.Broadcast()
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
	g, fits := l.takeReady(stored, n)
	if fits {
		return g, nil
	}
	defer l.endMaking()
	// None could be made ahead, or one request is larger than a whole generation: it gets one of its own size.
	if g != nil {
		if err := g.discard(); err != nil {
			return nil, notMade(err)
		}
	}
	need := stored + int64(n)*entryOverhead
	g, err := l.makeGeneration(max(minCapacity, need+slack))
	if full, ok := errors.AsType[*buffer.FullError](err); ok && need <= lastCapacity/2 {
		l.mu.Lock()
		l.supply.full = full
		l.mu.Unlock()
		g, err = l.makeLast()
	}
	if err != nil {
		return nil, notMade(err)
	}
	return g, nil
}

// takeReady takes the generation that was made ahead, if there is one, and says whether it takes n values of stored bytes. Where
// it does not, the caller makes one, until endMaking: none is made ahead meanwhile, which would be used later and have a lower
// id. Generations are read in the order of their ids.
func (l *Log) takeReady(stored int64, n int) (g *generation, fits bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.supply.making {
		l.supply.made.Wait()
	}
	g = l.supply.take()
	fits = g != nil && g.fits(stored, n)
	l.supply.making = !fits
	return g, fits
}

func (l *Log) endMaking() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.supply.making = false
	l.supply.made.Broadcast()
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
	if full, ok := errors.AsType[*buffer.FullError](err); ok {
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
	g := l.supply.take()
	l.mu.Unlock()
	if g == nil {
		return nil
	}
	return g.discard()
}

// retryRoom tries again where no generation could be made.
func (l *Log) retryRoom() {
	l.mu.Lock()
	full := l.supply.full != nil
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
	l.supply.lastID++
	return l.supply.lastID
}
