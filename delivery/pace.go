package delivery

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"hydrant/buffer"
)

// Pace has catching up yield to ingest. It is told how long acknowledgements take, and while they are slow against the best
// of late it holds the readers of all lanes together to a rate, halved until they are not; then the rate rises again, until
// nothing is held. Records that have just come in are never held: delivering them is no catching up.
//
// The rate stays above twice what comes in and leastPace. So a backlog always shrinks, and the age of the oldest record in
// it is bounded. A nil Pace holds nobody.
//
// What acks take beside readers at full speed is not their best: each period begins with a moment at the least rate.
type Pace struct {
	now func() time.Time

	// Since the last look.
	acks     atomic.Int64
	waited   atomic.Int64 // for acks, nanoseconds
	incoming atomic.Int64 // bytes

	held  atomic.Int64  // readers, nanoseconds
	limit atomic.Uint64 // the rate in force, as the bits of a float64

	mu     sync.Mutex
	looked time.Time
	period time.Time        // when it began
	probe  time.Time        // until then the least rate holds
	read   float64          // bytes since the last look, of what is not new
	input  float64          // bytes a second that come in, smoothed
	rate   float64          // bytes a second that may be read; +Inf for any
	best   [2]time.Duration // acks of this period, and of the one before; 0 where none is known
	next   time.Time        // when the next block may be taken
}

const (
	leastPace = 8 << 20 // bytes a second

	paceLook   = 100 * time.Millisecond // between two looks
	pacePeriod = 10 * time.Second       // the best is that of this one and the one before
	paceProbe  = 2 * paceLook           // of a period, at the least rate
	paceFirst  = 10 * paceLook          // the same, where no best is known: requests may have piled up

	slowAck  = 1.5 // times the best
	paceRise = 1.25
	paceIdle = 4 // where nothing was acknowledged

	newcomer = time.Second // records younger than that are not held
	mostHeld = time.Second // of one block, whatever the rate
)

// NewPace returns a pace that holds nobody until something is acknowledged.
func NewPace() *Pace { return newPace(time.Now) }

func newPace(now func() time.Time) *Pace {
	p := &Pace{now: now, looked: now(), rate: math.Inf(1)}
	p.limit.Store(math.Float64bits(p.rate))
	return p
}

// Acked tells of a batch that was acknowledged.
func (p *Pace) Acked(bytes int64, took time.Duration) {
	p.acks.Add(1)
	p.waited.Add(int64(took))
	p.incoming.Add(bytes)
}

// Limit is how many bytes a second may be read for catching up; +Inf while nothing is held.
func (p *Pace) Limit() float64 { return math.Float64frombits(p.limit.Load()) }

// Held is how long readers were held in all.
func (p *Pace) Held() time.Duration { return time.Duration(p.held.Load()) }

// wait holds a reader that has a block in hand.
func (p *Pace) wait(ctx context.Context, b *buffer.Block) {
	if p == nil {
		return
	}
	hold := p.take(b.RawLen, b.Arrival)
	if hold <= 0 {
		return
	}
	p.held.Add(int64(hold))
	select {
	case <-time.After(hold):
	case <-ctx.Done():
	}
}

// take counts a block and returns how long its reader is held.
func (p *Pace) take(bytes int, arrival time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	p.look(now)
	if now.Sub(arrival) < newcomer {
		return 0
	}
	p.read += float64(bytes)
	if p.next.Before(now) {
		p.next = now
	}
	hold := min(p.next.Sub(now), mostHeld)
	p.next = now.Add(hold + time.Duration(float64(bytes)/p.inForce(now)*float64(time.Second)))
	return hold
}

// look learns from the acks since the last look. Called with mu held.
func (p *Pace) look(now time.Time) {
	passed := now.Sub(p.looked)
	if passed < paceLook {
		return
	}
	acks, waited := p.acks.Swap(0), p.waited.Swap(0)
	p.input = (3*p.input + float64(p.incoming.Swap(0))/passed.Seconds()) / 4
	reading := p.read / passed.Seconds()
	p.looked, p.read = now, 0
	known := p.best != [2]time.Duration{}
	switch slow := acks > 0 && p.slow(time.Duration(waited/acks)); {
	case acks == 0 || reading == 0:
		p.rise(reading, paceIdle)
	case p.probing(now):
	case !known:
		p.begin(now)
		p.best = [2]time.Duration{} // learned in the moment that begins
		p.probe = now.Add(paceFirst)
	case slow:
		p.rate = min(p.rate, reading) / 2
	default:
		p.rise(reading, paceRise)
	}
	p.rate = max(p.rate, p.least())
	if now.Sub(p.period) >= pacePeriod && acks > 0 {
		p.begin(now)
	} else if now.Sub(p.period) >= 2*pacePeriod {
		p.best = [2]time.Duration{}
	}
	p.limit.Store(math.Float64bits(p.rate))
}

// begin begins a period. Called with mu held.
func (p *Pace) begin(now time.Time) {
	p.period, p.probe = now, now.Add(paceProbe)
	p.best = [2]time.Duration{0, p.best[0]}
}

// slow compares acks with the best. Called with mu held.
func (p *Pace) slow(took time.Duration) bool {
	if p.best[0] == 0 || took < p.best[0] {
		p.best[0] = took
	}
	best := p.best[0]
	if p.best[1] > 0 {
		best = min(best, p.best[1])
	}
	return float64(took) > slowAck*float64(best)
}

// rise raises the rate, to any where readers do not use a fourth of it. Called with mu held.
func (p *Pace) rise(reading, by float64) {
	if p.rate *= by; p.rate > 4*max(reading, p.least()) {
		p.rate = math.Inf(1)
	}
}

// least is the rate that readers always have.
func (p *Pace) least() float64 { return 2*p.input + leastPace }

func (p *Pace) probing(now time.Time) bool { return !now.After(p.probe) }

func (p *Pace) inForce(now time.Time) float64 {
	if p.probing(now) {
		return p.least()
	}
	return p.rate
}
