package bench

import (
	"context"
	"math"
	"sync/atomic"
	"time"
)

// A schedule says when each request is due. All producers share it: the next free one takes the next slot, so one slow
// answer delays no other request while any connection is free. Slots are never dropped or moved: a producer that comes
// late to a slot sends at once, and the slot keeps its time.
type schedule struct {
	start    time.Time
	measured time.Time    // when measuring begins: start plus the warm-up
	end      time.Time    // no slot is used from here on; zero means never
	interval float64      // nanoseconds between slots; 0 means that a slot is due when it is taken
	batch    int64        // records of a slot
	records  int64        // of all slots; 0 means no limit
	taken    atomic.Int64 // slots given out
	used     atomic.Int64 // slots of which a request was sent
	behind   atomic.Int64 // largest delay of a request against its slot, in nanoseconds
}

// A slot is one request's place in the schedule.
type slot struct {
	due     time.Time
	records int
}

func newSchedule(o Options, start time.Time) *schedule {
	s := &schedule{start: start, measured: start.Add(o.Warmup), batch: int64(o.Batch), records: o.Records}
	if o.Duration > 0 {
		s.end = s.measured.Add(o.Duration)
	}
	if o.Rate > 0 {
		s.interval = float64(o.Batch) / o.Rate * float64(time.Second)
	}
	return s
}

// bound gives the context an end at the schedule's.
func (s *schedule) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.end.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, s.end)
}

// take gives out the next slot; false after the last.
func (s *schedule) take() (slot, bool) {
	number := s.taken.Add(1) - 1
	records := s.batch
	if s.records > 0 {
		records = min(records, s.records-number*s.batch)
	}
	due := time.Now()
	if s.interval > 0 {
		due = s.start.Add(time.Duration(float64(number) * s.interval))
	}
	if records <= 0 || (!s.end.IsZero() && !due.Before(s.end)) {
		return slot{}, false
	}
	return slot{due: due, records: int(records)}, true
}

// use notes that a slot's request leaves now.
func (s *schedule) use(slot slot, now time.Time) {
	s.used.Add(1)
	if s.interval == 0 {
		return
	}
	late := int64(now.Sub(slot.due))
	for seen := s.behind.Load(); late > seen; seen = s.behind.Load() {
		if s.behind.CompareAndSwap(seen, late) {
			return
		}
	}
}

// unsent counts the slots that were due before a time, but of which no request was sent.
func (s *schedule) unsent(by time.Time) int64 {
	if s.interval == 0 {
		return 0
	}
	if !s.end.IsZero() && by.After(s.end) {
		by = s.end
	}
	due := int64(math.Ceil(float64(by.Sub(s.start)) / s.interval))
	if s.records > 0 {
		due = min(due, (s.records+s.batch-1)/s.batch)
	}
	return max(0, due-s.used.Load())
}
