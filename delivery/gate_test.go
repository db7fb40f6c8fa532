package delivery

import (
	"errors"
	"testing"
)

// A destination that asks for less gets half, once for each round, and later again more, step by step.
func TestGateFollowsTheDestination(t *testing.T) {
	var limit int
	g := newGate(8, func(n int) { limit = n })
	throttled := &Error{Class: Throttled, Err: errors.New("SlowDown")}
	fill := func() (tickets []int) {
		for g.open() {
			tickets = append(tickets, g.enter())
		}
		return tickets
	}
	for _, want := range []int{4, 2, 1, 1} {
		for _, ticket := range fill() { // all of them are refused, as they are in a burst
			g.leave(ticket, throttled)
		}
		if limit != want {
			t.Fatalf("after a round of refusals the limit is %d, want %d", limit, want)
		}
	}
	for want := 2; want <= 8; want++ {
		for _, ticket := range fill() {
			g.leave(ticket, nil)
		}
		if limit != want {
			t.Fatalf("after a round of successes the limit is %d, want %d", limit, want)
		}
	}
	for _, ticket := range fill() {
		g.leave(ticket, &Error{Class: Transient, Err: errors.New("reset")})
	}
	if limit != 8 || g.running != 0 {
		t.Errorf("after other errors the limit is %d with %d running, want 8 and none", limit, g.running)
	}
}
