package ingest

import "sync/atomic"

// gate is how a stream is closed to records for good: a request that has found it does not append any more, however long ago
// that was, and those that append already can be waited for. What is behind such a stream may be given up.
type gate struct {
	state   atomic.Int64 // how many append; with shut added where nobody may begin
	emptied func()       // called when the last one leaves a gate that is shut; nil for nothing
}

// shut is above any number of requests.
const shut = 1 << 62

// enter begins an append, which leave ends, or refuses.
func (g *gate) enter() bool {
	if g.state.Add(1) < shut {
		return true
	}
	g.leave()
	return false
}

func (g *gate) leave() {
	if g.state.Add(-1) == shut && g.emptied != nil {
		g.emptied()
	}
}

// set opens the gate or shuts it. One call at a time.
func (g *gate) set(open bool) {
	switch isShut := g.state.Load() >= shut; {
	case open && isShut:
		g.state.Add(-shut)
	case !open && !isShut:
		g.state.Add(shut)
	}
}

// inside is how many append. One that is being refused may be counted for a moment.
func (g *gate) inside() int64 { return g.state.Load() &^ shut }
