package bench

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// maxPoints bounds a series: when it is full, neighbours are joined and each point stands for twice the time.
const maxPoints = 1200

// Series is how a run went, from the end of its warm-up on.
type Series struct {
	Width  float64 `json:"width_seconds"`      // of time that a point stands for
	Last   float64 `json:"last_width_seconds"` // the last point stands for: half as much to one and a half times as much
	Points []Point `json:"points"`
}

// Point is a part of a run. Latencies are those of the acknowledged requests that were answered in it, in milliseconds;
// where points were joined, the larger one's.
type Point struct {
	Records int64   `json:"records"` // acknowledged
	Failed  int64   `json:"failed_records"`
	P50     float64 `json:"p50"`
	P99     float64 `json:"p99"`
	P999    float64 `json:"p99_9"`
}

func (p Point) join(q Point) Point {
	return Point{
		Records: p.Records + q.Records, Failed: p.Failed + q.Failed,
		P50: max(p.P50, q.P50), P99: max(p.P99, q.P99), P999: max(p.P999, q.P999),
	}
}

// timeline gathers a series. Its memory does not grow with the run.
type timeline struct {
	start   time.Time
	width   time.Duration
	points  []Point
	current Point
	latency *hdrhistogram.Histogram // of the current point
}

func newTimeline(start time.Time) *timeline {
	return &timeline{start: start, width: time.Second, latency: hdrhistogram.New(1, longestLatency, 2)}
}

// add takes the outcome of a request; latency counts where records were acknowledged. Answers that overtake each other
// count for the point that is open.
func (l *timeline) add(answered time.Time, acked, failed int64, latency time.Duration) {
	for answered.Sub(l.start) >= l.width*time.Duration(len(l.points)+1) {
		l.close()
	}
	l.current.Records += acked
	l.current.Failed += failed
	if acked > 0 {
		_ = l.latency.RecordValue(min(max(latency.Microseconds(), 1), longestLatency)) // in its range, so it is never refused
	}
}

// close ends the current point.
func (l *timeline) close() {
	at := func(percentile float64) float64 { return float64(l.latency.ValueAtPercentile(percentile)) / 1e3 }
	l.current.P50, l.current.P99, l.current.P999 = at(50), at(99), at(99.9)
	l.points = append(l.points, l.current)
	l.current = Point{}
	l.latency.Reset()
	if len(l.points) == maxPoints {
		l.join()
	}
}

func (l *timeline) join() {
	for i := range maxPoints / 2 {
		l.points[i] = l.points[2*i].join(l.points[2*i+1])
	}
	l.points = l.points[:maxPoints/2]
	l.width *= 2
}

// series is all that was gathered up to the last answer; nothing is added afterwards.
func (l *timeline) series(answered time.Time) Series {
	if l.current != (Point{}) {
		l.close()
	}
	n := len(l.points)
	last := min(answered.Sub(l.start)-l.width*time.Duration(n-1), l.width)
	if n > 1 && last < l.width/2 {
		l.points[n-2] = l.points[n-2].join(l.points[n-1])
		l.points, last = l.points[:n-1], last+l.width
	}
	return Series{Width: l.width.Seconds(), Last: last.Seconds(), Points: l.points}
}
