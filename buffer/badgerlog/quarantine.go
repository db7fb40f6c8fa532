package badgerlog

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"hydrant/buffer/checked"
)

// quarantineName is where the files of damaged generations are kept once everything else in them is settled, for somebody
// to look at. They take at most an eighth of max_disk, and count towards it; the oldest go first.
const quarantineName = "quarantine"

// dispose removes a settled generation, or keeps its files where a part of it is damaged.
func (l *Log) dispose(g *generation) error {
	if !g.damaged.Load() {
		return g.discard()
	}
	size := g.allocated.Load()
	if err := l.makeQuarantine(size); err != nil || size > l.quarantineLimit() {
		l.cfg.Log.Error("a damaged generation is too large to be kept and is removed", "generation", g.dir, "bytes", size, "error", err)
		return g.discard()
	}
	err := g.release()
	g.set(discarded)
	kept := filepath.Join(l.cfg.Dir, quarantineName, filepath.Base(g.dir))
	err = errors.Join(err, os.Rename(g.dir, kept), checked.SyncDir(filepath.Dir(kept)), checked.SyncDir(l.cfg.Dir))
	l.cfg.Log.Warn("the files of a damaged generation are kept", "directory", kept, "bytes", size)
	g.allocated.Store(0)
	l.measureQuarantine()
	return err
}

func (l *Log) quarantineLimit() int64 { return l.cfg.MaxDisk / 8 }

// makeQuarantine makes room for size more bytes.
func (l *Log) makeQuarantine(size int64) error {
	dir := filepath.Join(l.cfg.Dir, quarantineName)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		if l.measureQuarantine()+size <= l.quarantineLimit() {
			break
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	l.measureQuarantine()
	return nil
}

// measureQuarantine is what the kept files take on disk.
func (l *Log) measureQuarantine() int64 {
	used := diskUsage(filepath.Join(l.cfg.Dir, quarantineName))
	l.kept.Store(used)
	return used
}
