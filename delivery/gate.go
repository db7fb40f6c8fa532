package delivery

import (
	"context"
	"sync"
)

// gate bounds the uploads at once to one destination, and follows what the destination can take: halved each time it asks
// for less, and one more after a full round of successes. All lanes share it.
type gate struct {
	most    int
	observe func(limit int)

	mu      sync.Mutex
	limit   int
	running int
	round   int           // successes since the limit changed
	epoch   int           // of the limit: raised at each halving
	changed chan struct{} // closed when there may be room
}

func newGate(most int, observe func(limit int)) *gate {
	observe(most)
	return &gate{most: most, limit: most, observe: observe, changed: make(chan struct{})}
}

// enter waits for room. The caller gives the returned ticket back to leave, with how its attempt ended.
func (g *gate) enter(ctx context.Context) (ticket int, err error) {
	for {
		g.mu.Lock()
		if g.running < g.limit {
			defer g.mu.Unlock()
			g.running++
			return g.epoch, nil
		}
		changed := g.changed
		g.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// leave makes room and learns. Attempts that began under an earlier limit say nothing about this one: a burst of refusals
// halves once.
func (g *gate) leave(ticket int, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running--
	switch {
	case ticket != g.epoch:
	case err == nil:
		g.round++
		if g.round >= g.limit && g.limit < g.most {
			g.set(g.limit + 1)
		}
	case classOf(err) == Throttled:
		g.epoch++
		g.set(max(1, g.limit/2))
	}
	close(g.changed)
	g.changed = make(chan struct{})
}

func (g *gate) set(limit int) {
	g.limit, g.round = limit, 0
	g.observe(limit)
}
