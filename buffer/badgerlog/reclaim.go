package badgerlog

import (
	"context"
	"errors"
	"slices"
	"time"

	"hydrant/buffer"
)

// disk is what the generations and the reserve hold. Called with mu held.
func (l *Log) disk() int64 {
	total := l.kept.Load()
	if l.reserve.held.Load() {
		total += l.reserve.size
	}
	if l.ready != nil {
		total += l.ready.allocated.Load()
	}
	for _, g := range l.gens {
		total += g.allocated.Load()
	}
	return total
}

// backlog is the stored size of what is not settled.
func (l *Log) backlog() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var total int64
	for _, g := range l.gens {
		total += g.liveBytes.Load()
	}
	return total
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

// makeGeneration makes one where max_disk and the disk allow it; the error is a *buffer.FullError where they do not.
func (l *Log) makeGeneration(capacity int64) (*generation, error) {
	l.space.Lock()
	defer l.space.Unlock()
	if err := l.allows(generationSpace(capacity)); err != nil {
		return nil, err
	}
	return createGeneration(l.cfg.Dir, l.nextID(), capacity, l.cfg.Log)
}

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

// notMade is why no generation could be made, as what everybody waits out: nothing was stored, and whatever it is may pass.
func notMade(err error) *buffer.FullError {
	if full := (*buffer.FullError)(nil); errors.As(err, &full) {
		return full
	}
	return &buffer.FullError{Reason: "the next generation could not be made: " + err.Error()}
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

// dropSettled removes the oldest generations that nothing needs any more.
func (l *Log) dropSettled() {
	for {
		oldest := l.oldestSettled()
		if oldest == nil {
			return
		}
		if err := l.drop(oldest); err != nil {
			if !errors.Is(err, buffer.ErrClosed) {
				l.cfg.Log.Error("a settled generation could not be dropped", "generation", oldest.dir, "error", err)
			}
			return
		}
		l.retryRoom()
	}
}

// oldestSettled is the oldest generation where it is time to drop it, or nil.
func (l *Log) oldestSettled() *generation {
	oldest := l.oldestIdle()
	l.mu.Lock()
	defer l.mu.Unlock()
	if oldest == nil || oldest.live.Load() > 0 || !l.carriesLittle() {
		return nil
	}
	return oldest
}

// oldestIdle is the oldest generation, unless that is written to or being closed; nil then.
func (l *Log) oldestIdle() *generation {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.gens) == 0 || l.gens[0] == l.current || !l.gens[0].idle() {
		return nil
	}
	return l.gens[0]
}

// idle reports whether the generation is neither written to nor being closed.
func (g *generation) idle() bool {
	if !g.mu.TryRLock() {
		return false // being closed; its end wakes the housekeeping
	}
	defer g.mu.RUnlock()
	return g.state != writing
}

// drop writes the oldest generation's live state anew, and then removes it. The cursors that say its records are
// settled are state too: either they lie in a newer generation already or they move there first.
func (l *Log) drop(oldest *generation) error {
	l.forgetWhatDoesNotFit(oldest)
	for link := oldest.last > 0; link || l.holdsState(oldest); link = false {
		err := l.submit(context.Background(), func(g *group) error {
			g.carry = oldest
			if link { // the oldest group that is left must link to it
				g.changes = append(g.changes, change{stateKey: stateKey{kindDropped, logLane, ""}, value: encodeDropped(oldest)})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	generationCarried.Reach()
	l.space.Lock()
	defer l.space.Unlock()
	if oldest.isOpenToWrite() {
		if err := l.clearFor(closingSpace(oldest.entries)); err != nil {
			return err
		}
	}
	l.mu.Lock()
	l.gens = slices.Delete(l.gens, 0, 1)
	l.mu.Unlock()
	return l.dispose(oldest)
}

// isOpenToWrite reports whether Badger would write a table when the generation is closed.
func (g *generation) isOpenToWrite() bool { return g.is(waiting) || g.is(poisoned) }

func (l *Log) holdsState(g *generation) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keys.heldBy(g) > 0 {
		return true
	}
	for _, s := range l.state.all() {
		if s.generation == g {
			return true
		}
	}
	return false
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

// shrink replaces large generations by small ones where everything is settled and nothing comes in, so that an idle log
// holds about nothing.
func (l *Log) shrink() {
	l.mu.Lock()
	current, used := l.current, l.committer.used.Load()
	if current == nil {
		l.mu.Unlock()
		return
	}
	idle := len(l.gens) == 1 && l.keys.heldBy(current)*keyBytes <= carryAnyway && current.live.Load() == 0 && used == l.settled && !l.making
	large := current.capacity > minCapacity
	spare := l.ready != nil && l.ready.capacity > minCapacity
	l.settled = used
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

// openToRead opens a sealed generation, and closes the one that was opened longest ago where too many are open.
func (l *Log) openToRead(g *generation) error {
	l.readers.Lock()
	defer l.readers.Unlock()
	if err := g.openToRead(l.cfg.Log); err != nil {
		return err
	}
	l.opened = slices.DeleteFunc(l.opened, func(o *generation) bool { return o == g })
	l.opened = append(l.opened, g)
	if len(l.opened) <= openLimit {
		return nil
	}
	oldest := l.opened[0]
	l.opened = l.opened[1:]
	return oldest.closeReader()
}
