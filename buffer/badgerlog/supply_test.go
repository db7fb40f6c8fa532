package badgerlog

import (
	"runtime"
	"sync"
	"testing"
)

// Generations are numbered in the order in which they are used, also where housekeeping tries to make one ahead while the
// committer makes its own: a start reads them in the order of their ids, and drops the first one first.
func TestGenerationsAreNumberedInTheirOrder(t *testing.T) {
	t.Parallel()
	r := openRig(t, Config{Dir: t.TempDir(), sync: func(*generation) error { return nil }})
	ended := make(chan struct{})
	var housekeeping sync.WaitGroup
	housekeeping.Go(func() {
		for {
			select {
			case <-ended:
				return
			default:
				r.makeAhead()
				runtime.Gosched()
			}
		}
	})
	last := r.writesTo().id
	for round := range 20 {
		r.awaitReadyGeneration()
		if round%2 == 0 {
			r.mu.Lock()
			r.supply.ready.used = r.supply.ready.capacity // it takes nothing: the committer makes its own
			r.mu.Unlock()
		}
		leaveGeneration(t, r.Log)
		now := r.writesTo().id
		if now <= last {
			t.Errorf("generation %d is used after %d", now, last)
		}
		last = now
	}
	close(ended)
	housekeeping.Wait()
}
