package badgerlog

import (
	"fmt"
	"sync/atomic"
	"time"
)

// committer is the one goroutine that writes. Its fields are its own, but for used, rate, speed and pressure.
type committer struct {
	log      *Log
	current  *generation
	number   uint64 // of the last group
	hash     uint64 // of the last group's record
	born     time.Time
	fresh    bool         // the current generation has no snapshot yet
	news     []change     // that the start found and that no group holds yet: the first one does
	fault    time.Time    // of the last failed sync
	used     atomic.Int64 // of the current generation, as published
	rate     atomic.Int64 // bytes a second into the last generation
	crowded  bool         // the last group had batches of several producers
	speed    diskSpeed
	pressure pressure

	// Memory for the group under way.
	record groupRecord
	memory recordMemory
	keys   []byte
	values []value
}

// minBetweenFaults is how far apart two failed syncs must be for the log to go on after the second.
const minBetweenFaults = time.Minute

func (c *committer) run() {
	for g := c.log.take(c.crowded); g != nil; g = c.log.take(c.crowded) {
		start := time.Now()
		c.crowded = g.batches > 1
		c.commit(g)
		c.pressure.note(start, time.Now(), processorTime)
	}
}

// commit makes one group durable and published, and then tells everyone who waits for it.
func (c *committer) commit(g *group) {
	defer c.log.finish(g)
	if broken := c.log.broken(); broken != nil {
		g.err = broken
	}
	if g.err != nil {
		return
	}
	record, data, stored := c.prepare(g)
	defer c.forget()
	groupPacked.Reach()
	start := c.log.cfg.now()
	if g.err = c.store(c.values, stored, g.leave); g.err != nil {
		return
	}
	groupSynced.Reach()
	c.confirm(g, record, data)
	groupPublished.Reach()
	took := c.log.cfg.now().Sub(start)
	c.speed.measure(stored, took)
	c.log.cfg.Observe(Group{Records: g.records, Bytes: int64(g.bytes), Stored: stored, Sync: took})
}

// prepare makes the group's record, which is good until forget, and lists its values. It changes nothing that anybody sees.
func (c *committer) prepare(g *group) (record *groupRecord, data []byte, stored int64) {
	record = c.pack(g)
	data = record.encode(&c.memory)
	return record, data, c.arrange(g, record.number, data)
}

// confirm takes in that the group is durable in the current generation, and shows it.
func (c *committer) confirm(g *group, record *groupRecord, data []byte) {
	c.number, c.hash = record.number, hashGroup(data)
	c.current.note(record, c.hash)
	c.news = nil
	c.used.Store(c.current.used)
	c.log.publish(g, record.changes, c.current)
}

// store writes the values into the current generation, or into the next one where they do not fit or the current one
// fails. A generation is never written again after a failed write or sync: the kernel may have dropped the pages, and
// the next sync would not tell. The same values in a newer generation win over what the failed one may hold of them.
func (c *committer) store(values []value, stored int64, leave bool) error {
	if c.current == nil || leave || !c.current.fits(stored, len(values)) {
		if err := c.rotate(stored, len(values)); err != nil {
			return err
		}
	}
	err := c.current.write(values, c.log.cfg.sync)
	if err == nil {
		return nil
	}
	now := c.log.cfg.now()
	repeated := !c.fault.IsZero() && now.Sub(c.fault) < minBetweenFaults
	c.fault = now
	c.log.cfg.Log.Error("the disk failed: nothing of this group was acknowledged; it goes to a new generation",
		"generation", c.current.dir, "error", err)
	c.current.poison()
	if !repeated {
		if unmade := c.rotate(stored, len(values)); unmade == nil {
			err = c.current.write(values, c.log.cfg.sync)
		} else {
			// Not as a full buffer, where surely nothing was stored: the next start may find what the failed write has left.
			err = fmt.Errorf("%w, and then %s", err, unmade)
		}
	}
	if err != nil {
		c.current.poison() // the new one too: at its close it must not pass for good
		c.log.fail(fmt.Errorf("its disk failed twice within a minute: nothing acknowledged is lost, mend the disk and start again: %w", err))
	}
	return err
}

// rotate goes on in the next generation, which must take n values of stored bytes together.
func (c *committer) rotate(stored int64, n int) error {
	next, err := c.log.nextGeneration(stored, n)
	if err != nil {
		return err
	}
	old := c.current
	l := c.log
	c.goOn(next)
	if old != nil {
		l.measureRate(old, c.born)
	}
	c.born = l.cfg.now()
	l.makeAhead()
	generationLeft.Reach()
	if old != nil && old.state == writing {
		l.keepers.Go(func() {
			if err := l.seal(old); err != nil {
				l.cfg.Log.Error("a generation did not close in good order; it stays readable", "error", err)
			}
			wake(l.kick)
		})
	}
	return nil
}

// goOn writes to the next generation from now on. What it repeats goes in with its second group: the first one is packed.
func (c *committer) goOn(next *generation) {
	c.fresh = true
	c.log.mu.Lock()
	c.current, c.log.current = next, next
	c.log.gens = append(c.log.gens, next)
	c.log.mu.Unlock()
	c.used.Store(0)
}
