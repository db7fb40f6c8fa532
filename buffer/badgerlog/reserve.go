package badgerlog

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"

	"hydrant/buffer"
	"hydrant/buffer/checked"
)

// reserveName is a file of allocated space. It is removed when a full disk leaves none for closing a generation or for
// the state that drains the log, and made again when there is space.
const reserveName = "reserve"

type reserve struct {
	path string
	size int64
	held atomic.Bool
}

func (r *reserve) make() error {
	f, err := os.Create(r.path)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := preallocate(r.path, r.size); err != nil {
		return errors.Join(err, os.Remove(r.path))
	}
	r.held.Store(true)
	return checked.SyncDir(filepath.Dir(r.path))
}

// giveUp frees the space. On return the file system can give it to others: some hold it back until the removal is
// durable.
func (r *reserve) giveUp() error {
	if !r.held.Swap(false) {
		return nil
	}
	return errors.Join(os.Remove(r.path), checked.SyncDir(filepath.Dir(r.path)))
}

// adoptReserve takes over the reserve of the last run.
func (l *Log) adoptReserve() {
	path := filepath.Join(l.cfg.Dir, reserveName)
	l.reserve.path = path
	l.reserve.size = reserveFor(usableSpace(l.cfg.MaxDisk, diskUsage(l.cfg.Dir), l.cfg.free(l.cfg.Dir)))
	info, err := os.Stat(path)
	if err != nil {
		return
	}
	if occupied(info) < minReserve { // a kill came while it was made
		_ = os.Remove(path) // it is made anew in its place
		return
	}
	l.reserve.held.Store(true)
	l.reserve.size = min(occupied(info), maxReserve)
}

// giveUpReserve says once that it was needed. Called with space held.
func (l *Log) giveUpReserve(why string) error {
	if !l.reserve.held.Load() {
		return nil
	}
	l.cfg.Log.Warn("the reserve is given up", "reason", why)
	return l.reserve.giveUp()
}

// clearFor makes sure that the disk has this many bytes to give, by giving up the reserve if need be. The error is a
// *buffer.FullError. Called with space held.
func (l *Log) clearFor(need int64) error {
	if l.cfg.free(l.cfg.Dir) >= need {
		return nil
	}
	if err := l.giveUpReserve("the disk is full"); err != nil {
		return err
	}
	if free := l.cfg.free(l.cfg.Dir); free < need {
		return &buffer.FullError{Used: need - free, Limit: need, Reason: "the disk is full, the reserve included"}
	}
	return nil
}

// restoreReserve makes the reserve again where there is space for it and for taking records beside it. Called with
// space held.
func (l *Log) restoreReserve() {
	if l.reserve.held.Load() || l.cfg.free(l.cfg.Dir) < l.reserve.size+resumeAt(l.reserve.size) {
		return
	}
	l.mu.Lock()
	used := l.disk()
	l.mu.Unlock()
	if used+l.reserve.size > l.cfg.MaxDisk {
		return
	}
	if err := l.reserve.make(); err != nil {
		l.cfg.Log.Warn("the reserve could not be made", "error", err)
	}
}
