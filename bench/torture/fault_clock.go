package torture

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// clockJumps sets a node's clock to other times, hours apart, and back, by a jump or by a start whose clock is right. Whatever
// it shows, what is acknowledged must be delivered: intervals end, leases are held, keys of objects stay unique.
func clockJumps(ctx context.Context, b *bed, random *rand.Rand) (met int, err error) {
	n := b.node(random)
	c, err := bendClock(n.current().Pid())
	if err != nil {
		return 0, n.errorf("bend its clock: %w", err)
	}
	defer func() { err = errors.Join(err, c.close()) }()
	for range 2 + random.IntN(2) {
		if err := c.jump(between(random, -30*time.Hour, 30*time.Hour)); err != nil {
			return met, err
		}
		if err := n.delivers(ctx, "it delivers whatever its clock shows"); err != nil {
			return met, err
		}
		met++
	}
	if random.IntN(2) == 0 {
		err = c.jump(0)
	} else {
		n.kill()
		err = n.launch(ctx)
	}
	if err == nil {
		err = n.ready(ctx)
	}
	if err == nil {
		err = n.delivers(ctx, "it delivers after its clock is right again")
	}
	return met, err
}

// delivers waits until what a node, which is ready, has acknowledged by now is delivered, under load.
func (n *node) delivers(ctx context.Context, what string) error {
	before, err := n.metrics(ctx)
	if err != nil {
		return n.errorf("%s: %w", what, err)
	}
	return n.await(ctx, what, func(ctx context.Context) (bool, error) {
		if n.ended() {
			return false, n.errorf("it has ended: %w", n.current().Err())
		}
		m, err := n.metrics(ctx)
		return err == nil && m[deliveredRecords]+m[errorOutputRecords] >= before[accepted], nil
	})
}
