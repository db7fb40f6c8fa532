package badgerlog

import (
	"errors"
	"fmt"
	"slices"

	"hydrant/buffer"
)

// seal closes a full generation, or leaves it open to be closed later where the disk has no room even for that: Badger
// writes its table through a mapping, and a mapping without space behind it ends the process.
func (l *Log) seal(g *generation) error {
	l.space.Lock()
	defer l.space.Unlock()
	if err := l.clearFor(closingSpace(g.entries)); err != nil {
		g.set(waiting)
		return err
	}
	return g.seal()
}

// sealWaiting closes the generations that the full disk left open.
func (l *Log) sealWaiting() {
	l.mu.Lock()
	all := slices.Clone(l.gens)
	l.mu.Unlock()
	for _, g := range all {
		if !g.is(waiting) {
			continue
		}
		if err := l.seal(g); err != nil {
			return // told when it began to wait; /readyz says that the disk is full
		}
		l.cfg.Log.Info("a generation that had waited for space is closed", "generation", g.dir)
	}
}

// closeLast closes a generation at the log's end. One that a full disk has no room for stays as a crash would leave it.
func (l *Log) closeLast(g *generation) error {
	var err error
	switch {
	case g.is(writing), g.is(waiting):
		err = l.seal(g)
	case g.is(poisoned):
		l.space.Lock()
		defer l.space.Unlock()
		if err = l.clearFor(closingSpace(g.entries)); err == nil {
			err = g.release()
		}
	default:
		err = g.release()
	}
	if _, full := errors.AsType[*buffer.FullError](err); full {
		l.cfg.Log.Warn("a generation is left open on a full disk; the next start reads it", "generation", g.dir)
		return nil
	}
	return err
}

// seal closes a generation for ever: from now on it is only read. What was synced stays readable all the time, but for
// the moment of closing, which readers wait out.
func (g *generation) seal() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	err := errors.Join(g.closePages(), g.closeDB())
	g.state, g.memory = sealed, nil
	generationClosed.Reach()
	if g.faulted.Load() {
		err = errors.Join(err, errFault) // without a mark it is read value by value after the next start
	}
	if err == nil {
		err = g.writeMark()
	}
	generationMarked.Reach()
	g.allocated.Store(diskUsage(g.dir))
	if err != nil {
		return fmt.Errorf("seal generation %d: %w", g.id, err)
	}
	return nil
}
