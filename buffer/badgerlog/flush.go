package badgerlog

import "errors"

// Badger keeps a value in its value log and the value's key in its WAL. The value log alone is what the next process reads a
// generation from that was not closed, by the group records in it, and a generation that was closed has no WAL any more. So
// a group is durable once the value log is synced: one sync, where Badger's own takes two, one after the other.
//
// The WAL names the groups to askWitnesses, which tells by it whether a value log has lost its end. It follows within about
// a second, so that a power cut costs no more than what it says of that last second. An entry there whose values are not
// on disk is of the group under way, since the next one is begun after the sync: it is taken for unacknowledged.

// errEntries is what a write fails with after the WAL's sync has.
var errEntries = errors.New("the write-ahead log could not be synced")

// sync makes the values that were written durable.
func (g *generation) sync() error { return syncMapped(g.valuePages.file, g.db.Sync) }

// syncEntries makes the current generation's WAL durable. Where that fails the disk is no better than after the failed sync
// of a group: the next one goes to a new generation.
func (l *Log) syncEntries() {
	l.mu.Lock()
	g := l.current
	l.mu.Unlock()
	if g == nil {
		return
	}
	if err := g.syncEntries(); err != nil {
		l.cfg.Log.Error("the disk failed: the next group goes to a new generation", "generation", g.dir, "error", err)
	}
}

func (g *generation) syncEntries() error {
	g.mu.RLock() // it is not closed meanwhile
	defer g.mu.RUnlock()
	if g.state != writing || !g.behind.Swap(false) {
		return nil
	}
	err := syncMapped(g.entryPages.file, g.db.Sync)
	if err != nil {
		g.failing.Store(true)
	}
	return err
}
