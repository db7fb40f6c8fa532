package bench

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	firstPause   = 50 * time.Millisecond
	longestPause = time.Second
)

// A producer sends the records of one connection, one request at a time. After a failure it goes on with new records:
// what was sent once is never sent again, so every record's outcome is the outcome of one request.
type producer struct {
	number   int
	schedule *schedule
	ledger   *ledger // nil if none is kept
	author   *author
	meter    *meter

	appendBody func(dst []byte, a *author, first uint64, records int) []byte
	exchange   func(body []byte, records int) answer

	next    uint64 // number of the next record
	pause   time.Duration
	timer   *time.Timer
	body    []byte // scratch
	entries []byte // scratch
}

// run sends until the schedule or the context ends. It fails only if the ledger cannot be written.
func (p *producer) run(ctx context.Context) error {
	p.timer = time.NewTimer(0)
	defer p.timer.Stop()
	for {
		slot, more := p.schedule.take()
		if !more || !p.waitUntil(ctx, slot.due) {
			return nil
		}
		answer, err := p.send(slot)
		if err != nil {
			return err
		}
		if pause := p.pauseAfter(answer); pause > 0 && !p.waitUntil(ctx, time.Now().Add(pause)) {
			return nil
		}
	}
}

// send makes one request of a slot. The ledger has its outcome before it returns.
func (p *producer) send(slot slot) (answer, error) {
	first := p.next
	p.next += uint64(slot.records)
	p.author.sizes = p.author.sizes[:0]
	p.body = p.appendBody(p.body[:0], p.author, first, slot.records)
	p.schedule.use(slot, time.Now())
	answer := p.exchange(p.body, slot.records)
	answered := time.Now()
	var err error
	p.entries, err = p.ledger.append(p.entries, p.number, first, answer.parts)
	p.meter.record(slot, answered, answer, p.author.sizes)
	return answer, err
}

// pauseAfter is how long to wait after an answer: as long as the gateway asks, else longer after each failure in a row.
// The jitter keeps the producers from coming back all at once.
func (p *producer) pauseAfter(a answer) time.Duration {
	failed := false
	for _, part := range a.parts {
		failed = failed || part.outcome != acked
	}
	if !failed {
		p.pause = 0
		return 0
	}
	p.pause = min(max(2*p.pause, firstPause), longestPause)
	pause := max(p.pause, a.retryAfter)
	return pause + rand.N(pause/4)
}

// waitUntil returns true at the given time, or false if the context ended before.
func (p *producer) waitUntil(ctx context.Context, t time.Time) bool {
	wait := time.Until(t)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	p.timer.Reset(wait)
	select {
	case <-p.timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
