package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"hydrant/buffer"
)

func wide() *gate { return newGate(100, func(int) {}) }

func admitted(t *ticket) bool {
	select {
	case <-t.admitted:
		return true
	default:
		return false
	}
}

func newSharer() sharer { return sharer{stream: buffer.NewStreamID()} }

// With many objects of one stream waiting, another stream's only one goes next.
func TestSlotsFewestFirst(t *testing.T) {
	s, g := newSlots(4, func() bool { return true }), wide()
	flood, other := newSharer(), newSharer()
	var tickets []*ticket
	for range 32 {
		tickets = append(tickets, s.enqueue(flood, g))
	}
	if n := s.inUse(); n != 3 {
		t.Fatalf("a stream among several has %d of 4 slots, want 3", n)
	}
	first, second := s.enqueue(other, g), s.enqueue(other, g)
	if !admitted(first) || admitted(second) {
		t.Fatal("the other stream does not get the last slot alone")
	}
	s.leave(tickets[0], nil)
	if !admitted(second) || admitted(tickets[3]) {
		t.Error("the stream with more uploads under way goes first")
	}
	for _, ticket := range []*ticket{first, second, tickets[1]} {
		s.leave(ticket, nil)
	}
	if !admitted(tickets[3]) || !admitted(tickets[4]) || admitted(tickets[5]) {
		t.Error("what the other stream leaves is not given back in order")
	}
}

// A stream that is alone has all slots, also when it ails.
func TestSlotsAlone(t *testing.T) {
	s, g, id := newSlots(4, func() bool { return false }), wide(), newSharer()
	for range 4 {
		ticket := s.enqueue(id, g)
		s.leave(ticket, errors.New("reset"))
		if !admitted(ticket) {
			t.Fatal("a stream that is alone waits")
		}
	}
	for range 4 {
		s.enqueue(id, g)
	}
	if n := s.inUse(); n != 4 {
		t.Errorf("%d slots are in use, want all 4", n)
	}
}

func TestSlotsWithdraw(t *testing.T) {
	s, id := newSlots(1, func() bool { return false }), newSharer()
	ticket := s.enqueue(id, wide())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.enter(ctx, id, wide()); !errors.Is(err, context.Canceled) {
		t.Errorf("enter without room = %v, want the context's error", err)
	}
	s.leave(ticket, nil)
	s.withdraw(s.enqueue(id, wide())) // which was admitted at once
	if n := s.inUse(); n != 0 || len(s.shares) != 0 {
		t.Errorf("%d slots are in use and %d shares kept, want none", n, len(s.shares))
	}
}

// However streams come and fail: no bound is overstepped, and no stream that does not ail waits beside a free slot.
func TestSlotsAreFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const most = 4
		s := newSlots(most, func() bool { return true })
		ids := make([]sharer, 5)
		gates := []*gate{newGate(most, func(int) {}), newGate(most, func(int) {})}
		for i := range ids {
			ids[i] = newSharer()
		}
		var all []*ticket
		t.Repeat(map[string]func(*rapid.T){
			"come": func(t *rapid.T) {
				all = append(all, s.enqueue(rapid.SampledFrom(ids).Draw(t, "stream"), rapid.SampledFrom(gates).Draw(t, "gate")))
			},
			"end": func(t *rapid.T) {
				var running []*ticket
				for _, ticket := range all {
					if admitted(ticket) {
						running = append(running, ticket)
					}
				}
				if len(running) == 0 {
					return
				}
				ended := rapid.SampledFrom(running).Draw(t, "ended")
				all = slices.DeleteFunc(all, func(w *ticket) bool { return w == ended })
				s.leave(ended, rapid.SampledFrom([]error{
					nil, nil, errors.New("reset"), context.Canceled, &Error{Class: Throttled, Err: errors.New("SlowDown")},
				}).Draw(t, "outcome"))
			},
			"": func(t *rapid.T) {
				running := 0
				for _, of := range s.shares {
					running += of.running
				}
				if running != s.running || running > most {
					t.Fatalf("%d slots are in use, counted as %d", running, s.running)
				}
				for id, of := range s.shares {
					open := slices.ContainsFunc(of.waiting, func(w *ticket) bool { return w.gate.open() })
					if open && !of.ailing && running < most && of.running < most-1 {
						t.Fatalf("stream %x waits beside a free slot: %s", id.stream[:2], describe(s))
					}
				}
			},
		})
	})
}

func describe(s *slots) (text string) {
	for id, of := range s.shares {
		text += fmt.Sprintf("%x: %d running, %d waiting, ailing %v; ", id.stream[:2], of.running, len(of.waiting), of.ailing)
	}
	return text
}
