package bench

import (
	"testing"
	"time"
)

func TestSeries(t *testing.T) {
	start := time.Now()
	l := newTimeline(start)
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	l.add(at(0.2), 10, 0, time.Millisecond)
	l.add(at(0.9), 5, 1, 3*time.Millisecond)
	l.add(at(3.6), 0, 7, time.Hour)
	got := l.series(at(3.6))
	if len(got.Points) != 4 || got.Width != 1 || got.Last < 0.599 || got.Last > 0.601 {
		t.Fatalf("got %+v", got)
	}
	if p := got.Points[0]; p.Records != 15 || p.Failed != 1 || p.P50 < 0.9 || p.P50 > 1.1 || p.P99 < 2.9 || p.P99 > 3.1 {
		t.Errorf("the first second: got %+v", p)
	}
	if got.Points[1] != (Point{}) || got.Points[2] != (Point{}) || got.Points[3] != (Point{Failed: 7}) {
		t.Errorf("the rest: got %+v", got.Points[1:])
	}
}

// A short last point would show a rate that is not one: the point before it stands for both.
func TestSeriesEndsInAWholePoint(t *testing.T) {
	start := time.Now()
	for _, end := range []time.Duration{2 * time.Second, 2*time.Second + time.Millisecond} {
		l := newTimeline(start)
		l.add(start, 10, 0, time.Millisecond)
		l.add(start.Add(1100*time.Millisecond), 10, 0, time.Millisecond)
		l.add(start.Add(end), 1, 0, 2*time.Millisecond)
		got := l.series(start.Add(end))
		if len(got.Points) != 2 || got.Points[1].Records != 11 || got.Points[1].P99 < 1.9 || got.Last != (end-time.Second).Seconds() {
			t.Errorf("ended at %v: got %+v", end, got)
		}
	}
}

// However long a run, its series has so many points, and no record is missing in it.
func TestLongSeriesIsJoined(t *testing.T) {
	start := time.Now()
	l := newTimeline(start)
	const seconds = 5*maxPoints + 17
	for s := range seconds {
		l.add(start.Add(time.Duration(s)*time.Second), 2, 1, time.Millisecond)
	}
	got := l.series(start.Add((seconds - 1) * time.Second))
	var records, failed int64
	for _, p := range got.Points {
		records, failed = records+p.Records, failed+p.Failed
	}
	if len(got.Points) > maxPoints || records != 2*seconds || failed != seconds || got.Width*float64(len(got.Points)-1)+got.Last < seconds-1 {
		t.Errorf("%d points of %v s with %d and %d records", len(got.Points), got.Width, records, failed)
	}
}
