package ingest

import (
	"fmt"
	"sync"
	"time"
)

// Quota is what a stream takes a second on this node; 0 means no bound. A second's worth may come at once, and a request
// passes whole while anything is left: what it takes beyond that is made up for before the next one.
type Quota struct {
	Records  int64
	Bytes    int64
	Requests int64
	Partial  bool // a request that can be answered record by record is cut where the quota ends, and not passed whole
}

// limiter keeps a stream to its quota. Its methods may be called from many goroutines at once.
type limiter struct {
	quota Quota

	mu                       sync.Mutex
	records, bytes, requests bucket
}

func newLimiter(q Quota, now time.Time) *limiter {
	full := func(rate int64) bucket { return bucket{rate: float64(rate), level: float64(rate), at: now} }
	return &limiter{quota: q, records: full(q.Records), bytes: full(q.Bytes), requests: full(q.Requests)}
}

// take takes a request's records, all of them or, if it may be cut, the first n. If n is 0 there is nothing left, for this
// long.
func (l *limiter) take(now time.Time, records [][]byte, mayCut bool) (n int, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if wait := l.wait(now); wait > 0 {
		return 0, wait
	}
	cut := mayCut && l.quota.Partial
	l.requests.level--
	for n < len(records) && (!cut || l.records.open() && l.bytes.open()) {
		l.records.level--
		l.bytes.level -= float64(len(records[n]))
		n++
	}
	return n, 0
}

// left is how long there is nothing left; 0 means that a request would pass.
func (l *limiter) left(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wait(now)
}

func (l *limiter) wait(now time.Time) time.Duration {
	return max(l.records.wait(now), l.bytes.wait(now), l.requests.wait(now))
}

// bucket fills at its rate, up to a second's worth. One without a rate is never empty.
type bucket struct {
	rate, level float64
	at          time.Time
}

func (b *bucket) open() bool { return b.rate == 0 || b.level > 0 }

func (b *bucket) wait(now time.Time) time.Duration {
	if now.After(b.at) {
		b.level = min(b.level+now.Sub(b.at).Seconds()*b.rate, b.rate)
		b.at = now
	}
	if b.open() {
		return 0
	}
	return time.Duration((1 - b.level) / b.rate * float64(time.Second))
}

// Spare refuses a request to a stream of whose quota nothing is left, before its body is read. Error: QuotaExceeded.
func (in *Ingest) Spare(stream *Stream) error {
	if stream.limiter == nil {
		return nil
	}
	if wait := stream.limiter.left(time.Now()); wait > 0 {
		return in.quotaExceeded(stream, 0, wait)
	}
	return nil
}

// within returns how many of the records the stream's quota lets pass. Error: QuotaExceeded.
func (in *Ingest) within(stream *Stream, req *Request) (int, error) {
	if stream.limiter == nil {
		return len(req.Records), nil
	}
	n, wait := stream.limiter.take(time.Now(), req.Records, req.MayCut)
	if n == 0 {
		return 0, in.quotaExceeded(stream, len(req.Records), wait)
	}
	if n < len(req.Records) {
		in.metrics.throttled.WithLabelValues(stream.Name).Add(float64(len(req.Records) - n))
	}
	return n, nil
}

func (in *Ingest) quotaExceeded(stream *Stream, records int, wait time.Duration) error {
	in.metrics.throttled.WithLabelValues(stream.Name).Add(float64(records))
	q := stream.limiter.quota
	return &Error{
		Code: QuotaExceeded, RetryAfter: wait,
		Detail: fmt.Sprintf("stream %q has used up its quota of %s a second on this node; nothing of the request was stored; "+
			"send it again later, or more slowly", stream.Name, q),
	}
}

// String names the bounds that there are.
func (q Quota) String() string {
	text := ""
	for _, bound := range []struct {
		value int64
		what  string
	}{{q.Records, "records"}, {q.Bytes, "bytes"}, {q.Requests, "requests"}} {
		if bound.value == 0 {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += fmt.Sprint(bound.value, " ", bound.what)
	}
	return text
}
