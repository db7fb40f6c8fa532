package badgerlog

import (
	"context"
	"errors"
	"slices"

	"hydrant/buffer"
)

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
		if err := l.submit(context.Background(), carry(oldest, link)); err != nil {
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
	l.leaveOldest()
	return l.dispose(oldest)
}

// carry has a group write a generation's live state anew, and where it is to be the last word, what the chain begins with
// once the generation is gone: the oldest group that is left must link to it.
func carry(oldest *generation, link bool) func(*group) error {
	return func(g *group) error {
		g.carry = oldest
		if link {
			g.changes = append(g.changes, change{stateKey: stateKey{kindDropped, logLane, ""}, value: encodeDropped(oldest)})
		}
		return nil
	}
}

// leaveOldest forgets the oldest generation: nothing needs it any more.
func (l *Log) leaveOldest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gens = slices.Delete(l.gens, 0, 1)
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
