package replay

import (
	"context"
	"time"
)

// pace keeps to a rate: each batch waits until those before it have had their time.
type pace struct {
	rate int64 // records a second; 0 means no bound
	next time.Time
}

func (p *pace) wait(ctx context.Context, records int) error {
	if p.rate == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(time.Until(p.next))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
	}
	p.next = time.Now().Add(time.Duration(float64(records) / float64(p.rate) * float64(time.Second)))
	return nil
}
