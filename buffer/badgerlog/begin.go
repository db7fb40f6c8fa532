package badgerlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// begin raises the epoch and makes the generation that is written to first. On a full disk an existing log does without
// one for records, and if need be without any: what it holds is delivered, and that makes room.
func (l *Log) begin(existing bool) error {
	l.returnTails()
	if !existing {
		if err := checkSpace(l.cfg.Dir, l.cfg.MaxDisk, l.cfg.free); err != nil {
			return err
		}
	}
	l.adoptReserve()
	l.space.Lock()
	err := l.clearFor(generationSpace(lastCapacity))
	l.restoreReserve()
	l.space.Unlock()
	if err != nil {
		l.cfg.Log.Warn("the disk is full", "reason", err)
	}
	if l.origin, err = nextEpoch(l.cfg.Dir, existing); err != nil {
		return err
	}
	epochRaised.Reach()
	return l.firstGeneration()
}

func (l *Log) firstGeneration() error {
	g, err := l.makeGeneration(l.capacity())
	if errors.As(err, &l.supply.full) {
		g, err = l.makeGeneration(minCapacity)
	}
	if errors.As(err, &l.supply.full) {
		l.cfg.Log.Warn("the buffer takes no records until some are delivered", "reason", l.supply.full.Error())
		if g, err = l.makeLast(); errors.As(err, &l.supply.full) {
			l.cfg.Log.Warn("the buffer has no room even for state", "reason", l.supply.full.Error())
			return nil
		}
	} else {
		l.supply.full = nil
	}
	if err != nil {
		return fmt.Errorf("make room for the buffer in %s: %w", l.cfg.Dir, err)
	}
	l.current, l.gens = g, append(l.gens, g)
	return nil
}

func removeTrash(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), trashPrefix) {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
