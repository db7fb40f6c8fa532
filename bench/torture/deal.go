package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// torture makes one fault after the other until there were enough, the time is up, or the context ends. It fails with a node
// that does not get well.
func (b *bed) torture(ctx, living context.Context, report *Report) error {
	random := rand.New(rand.NewPCG(b.options.Seed, 0))
	next := b.shuffled(random)
	started := time.Now()
	defer func() { report.Seconds = time.Since(started).Seconds() }()
	ctx, cancel := context.WithTimeout(ctx, b.options.Duration)
	defer cancel()
	for ctx.Err() == nil && !b.enough(report) {
		pause(ctx, between(random, 0, b.options.Pause))
		f := next()
		if f == nil {
			pause(ctx, time.Second) // under load alone
			continue
		}
		if err := b.make(living, f, random, report); err != nil {
			return err
		}
	}
	return nil
}

// make makes a fault, and waits until the nodes are well again.
func (b *bed) make(ctx context.Context, f *fault, random *rand.Rand, report *Report) error {
	b.status.fault.Store(&f.name)
	met, err := f.run(ctx, b, random)
	if err != nil {
		return fmt.Errorf("fault %s: %w", f.name, err)
	}
	ended := time.Now()
	for _, n := range b.nodes {
		if err := n.recover(ctx); err != nil {
			return fmt.Errorf("after fault %s: %w", f.name, err)
		}
	}
	report.add(f.name, met, time.Since(ended))
	b.status.survived.Add(1)
	return nil
}

// enough reports whether a run that ends by what was done, not by time, has done it. Nothing is waited for that cannot be
// made.
func (b *bed) enough(report *Report) bool {
	if b.options.Records == 0 && len(b.options.wanted) == 0 {
		return false
	}
	for _, f := range b.options.selected {
		if f.needs.missing(b) == "" && report.times(f.name) < b.options.wanted[f.name] {
			return false
		}
	}
	return b.status.records.Load() >= b.options.Records
}

// short are the faults that were made less often than they were to be.
func (r *Report) short(wanted map[string]int) (names []string) {
	for name, n := range wanted {
		if made := r.times(name); made < n {
			names = append(names, fmt.Sprintf("%s %d of %d times", name, made, n))
		}
	}
	slices.Sort(names)
	return names
}

// times is how often a fault was made.
func (r *Report) times(name string) int {
	for _, f := range r.Faults {
		if f.Name == name {
			return f.Times
		}
	}
	return 0
}

// shuffled deals the faults that the options chose and that can be made, each as often as it is to be made or once, before
// any of them comes again.
func (b *bed) shuffled(random *rand.Rand) func() *fault {
	var possible, hand []*fault
	for _, f := range b.options.selected {
		if f.needs.missing(b) == "" {
			possible = append(possible, slices.Repeat([]*fault{f}, max(1, b.options.wanted[f.name]))...)
		}
	}
	return func() *fault {
		if len(hand) == 0 {
			for _, i := range random.Perm(len(possible)) {
				hand = append(hand, possible[i])
			}
		}
		if len(hand) == 0 {
			return nil
		}
		f := hand[0]
		hand = hand[1:]
		return f
	}
}
