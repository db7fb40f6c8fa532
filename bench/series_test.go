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
	l.add(at(3.1), 0, 7, time.Hour)
	got := l.series()
	if len(got.Points) != 4 || got.Width != 1 {
		t.Fatalf("got %+v", got)
	}
	if p := got.Points[0]; p.Records != 15 || p.Failed != 1 || p.P50 < 0.9 || p.P50 > 1.1 || p.P99 < 2.9 || p.P99 > 3.1 {
		t.Errorf("the first second: got %+v", p)
	}
	if got.Points[1] != (Point{}) || got.Points[2] != (Point{}) || got.Points[3] != (Point{Failed: 7}) {
		t.Errorf("the rest: got %+v", got.Points[1:])
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
	got := l.series()
	var records, failed int64
	for _, p := range got.Points {
		records, failed = records+p.Records, failed+p.Failed
	}
	if len(got.Points) > maxPoints || records != 2*seconds || failed != seconds || got.Width*float64(len(got.Points)) < seconds {
		t.Errorf("%d points of %v s with %d and %d records", len(got.Points), got.Width, records, failed)
	}
}
