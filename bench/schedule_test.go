package bench

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOpenSchedule(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	o := DefaultOptions()
	o.Rate, o.Batch, o.Warmup, o.Duration = 1000, 250, time.Second, 500*time.Millisecond
	s := newSchedule(o, start)
	var got []time.Duration
	for slot, more := s.take(); more; slot, more = s.take() {
		if slot.records != 250 {
			t.Errorf("got %d records, want 250", slot.records)
		}
		got = append(got, slot.due.Sub(start))
	}
	want := []time.Duration{0, 250e6, 500e6, 750e6, 1000e6, 1250e6}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("slots (-want +got):\n%s", diff)
	}
}

func TestScheduleEndsWithItsRecords(t *testing.T) {
	for _, rate := range []float64{0, 1e6} {
		o := DefaultOptions()
		o.Records, o.Batch, o.Rate = 1050, 500, rate
		s := newSchedule(o, time.Now())
		var got []int
		for slot, more := s.take(); more; slot, more = s.take() {
			got = append(got, slot.records)
		}
		if diff := cmp.Diff([]int{500, 500, 50}, got); diff != "" {
			t.Errorf("rate %v (-want +got):\n%s", rate, diff)
		}
	}
}

func TestClosedScheduleEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := DefaultOptions()
		o.Duration = time.Second
		s := newSchedule(o, time.Now())
		<-time.After(999 * time.Millisecond)
		if _, more := s.take(); !more {
			t.Error("it ended too early")
		}
		<-time.After(time.Millisecond)
		if _, more := s.take(); more {
			t.Error("it has not ended")
		}
		if got := s.unsent(time.Now()); got != 0 {
			t.Errorf("got %d unsent, want 0: a closed loop owes nothing", got)
		}
	})
}

func TestScheduleOwesWhatWasDue(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		records int64
		sent    int
		by      time.Duration
		want    int64
	}{
		{0, 0, 0, 0},
		{0, 0, time.Nanosecond, 1}, // the first is due at once
		{0, 1, 10 * time.Millisecond, 0},
		{0, 1, 11 * time.Millisecond, 1},
		{0, 40, time.Second, 60},
		{0, 40, time.Minute, 60}, // nothing is due past the end
		{200, 0, time.Second, 20},
	} {
		o := DefaultOptions()
		o.Rate, o.Batch, o.Duration, o.Records = 1000, 10, time.Second, c.records
		s := newSchedule(o, start)
		for range c.sent {
			s.use(slot{due: start}, start)
		}
		if got := s.unsent(start.Add(c.by)); got != c.want {
			t.Errorf("%d sent after %v of at most %d records: got %d unsent, want %d", c.sent, c.by, c.records, got, c.want)
		}
	}
}

func TestScheduleKeepsTheLargestDelay(t *testing.T) {
	start := time.Now()
	s := newSchedule(Options{Batch: 1, Rate: 1}, start)
	for _, late := range []time.Duration{3, 9, 5, -4} {
		s.use(slot{due: start}, start.Add(late))
	}
	if got, want := s.behind.Load(), int64(9); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}
