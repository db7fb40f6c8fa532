package delivery

// gate bounds the uploads at once to one destination, and follows what the destination can take: halved each time it asks
// for less, and one more after a full round of successes. All lanes share it, under the lock of the slots.
type gate struct {
	most    int
	observe func(limit int)

	limit   int
	running int
	round   int // successes since the limit changed
	epoch   int // of the limit: raised at each halving
}

func newGate(most int, observe func(limit int)) *gate {
	observe(most)
	return &gate{most: most, limit: most, observe: observe}
}

// open says that there is room.
func (g *gate) open() bool { return g.running < g.limit }

// enter takes room that there is. The caller gives the epoch back to leave, with how its attempt ended.
func (g *gate) enter() (epoch int) {
	g.running++
	return g.epoch
}

// leave makes room and learns. Attempts that began under an earlier limit say nothing about this one: a burst of refusals
// halves once.
func (g *gate) leave(epoch int, err error) {
	g.running--
	switch {
	case epoch != g.epoch:
	case err == nil:
		g.round++
		if g.round >= g.limit && g.limit < g.most {
			g.set(g.limit + 1)
		}
	case classOf(err) == Throttled:
		g.epoch++
		g.set(max(1, g.limit/2))
	}
}

func (g *gate) set(limit int) {
	g.limit, g.round = limit, 0
	g.observe(limit)
}
