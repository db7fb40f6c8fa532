package ingest

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hydrant/buffer"
)

func recordsOf(sizes ...int) [][]byte {
	var records [][]byte
	for _, size := range sizes {
		records = append(records, make([]byte, size))
	}
	return records
}

func TestLimiter(t *testing.T) {
	start := time.Now()
	type step struct {
		at      time.Duration
		records [][]byte
		n       int
		wait    time.Duration
	}
	for _, c := range []struct {
		name  string
		quota Quota
		steps []step
	}{
		{"records", Quota{Records: 10}, []step{
			{0, recordsOf(1, 1, 1, 1, 1, 1), 6, 0},
			{0, recordsOf(1, 1, 1, 1, 1, 1), 6, 0}, // two on credit
			{0, recordsOf(1), 0, 300 * time.Millisecond},
			{200 * time.Millisecond, recordsOf(1), 0, 100 * time.Millisecond},
			{300 * time.Millisecond, recordsOf(1), 1, 0},
			{time.Hour, recordsOf(1, 1, 1, 1, 1, 1, 1, 1, 1, 1), 10, 0}, // no more than a second's worth was saved
			{time.Hour, recordsOf(1), 0, 100 * time.Millisecond},
		}},
		{"bytes", Quota{Bytes: 1000}, []step{
			{0, recordsOf(3000), 1, 0}, // larger than the quota: it must pass some time
			{time.Second, recordsOf(1), 0, 1001 * time.Millisecond},
			{2001 * time.Millisecond, recordsOf(1), 1, 0},
		}},
		{"requests", Quota{Requests: 2}, []step{
			{0, recordsOf(1, 1, 1), 3, 0},
			{0, recordsOf(1, 1, 1), 3, 0},
			{0, recordsOf(1), 0, 500 * time.Millisecond},
			{500 * time.Millisecond, recordsOf(1), 1, 0},
		}},
		{"cut at records", Quota{Records: 2, Partial: true}, []step{
			{0, recordsOf(1, 1, 1), 2, 0},
			{0, recordsOf(1), 0, 500 * time.Millisecond},
		}},
		{"cut at bytes", Quota{Bytes: 100, Partial: true}, []step{
			{0, recordsOf(60, 60, 60), 2, 0},
			{0, recordsOf(60), 0, 210 * time.Millisecond},
		}},
		{"the clock goes back", Quota{Records: 1}, []step{
			{time.Hour, recordsOf(1), 1, 0},
			{0, recordsOf(1), 0, time.Second},
		}},
	} {
		l := newLimiter(c.quota, start)
		for i, s := range c.steps {
			if n, wait := l.take(start.Add(s.at), s.records, true); n != s.n || wait.Round(time.Millisecond) != s.wait {
				t.Errorf("%s, step %d: got %d, %v, want %d, %v", c.name, i, n, wait, s.n, s.wait)
			}
		}
	}
	if n, _ := newLimiter(Quota{Records: 1, Partial: true}, start).take(start, recordsOf(1, 1), false); n != 2 {
		t.Errorf("a request that cannot be cut is cut at %d", n)
	}
}

// Whatever is sent, and whenever, no more passes than the quota and one request. Who waits as told gets through.
func TestLimiterBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := Quota{
			Records: rapid.Int64Range(0, 50).Draw(t, "records"), Bytes: rapid.Int64Range(0, 5000).Draw(t, "bytes"),
			Requests: rapid.Int64Range(0, 5).Draw(t, "requests"), Partial: rapid.Bool().Draw(t, "partial"),
		}
		start := time.Now()
		l, now := newLimiter(q, start), start
		var requests, records, bytes, lastRecords, lastBytes int64
		for range 20 {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "pause")))
			sent := recordsOf(rapid.SliceOfN(rapid.IntRange(1, 500), 1, 30).Draw(t, "sizes")...)
			n, wait := l.take(now, sent, true)
			if n == 0 {
				if now = now.Add(wait); l.left(now) > 0 {
					t.Fatalf("after the %v that it said there is nothing left still", wait)
				}
				continue
			}
			if n < len(sent) && !q.Partial {
				t.Fatal("a request is cut that must not be")
			}
			requests++
			lastRecords, lastBytes = int64(n), 0
			for _, r := range sent[:n] {
				lastBytes += int64(len(r))
			}
			records, bytes = records+lastRecords, bytes+lastBytes
			seconds := now.Sub(start).Seconds() + 1
			for _, bound := range []struct {
				what                string
				rate, passed, slack int64
			}{{"requests", q.Requests, requests, 1}, {"records", q.Records, records, lastRecords}, {"bytes", q.Bytes, bytes, lastBytes}} {
				if limit := float64(bound.rate)*seconds + float64(bound.slack) + 1e-6; bound.rate > 0 && float64(bound.passed) > limit {
					t.Fatalf("%d %s passed in %.3f s, of %d a second", bound.passed, bound.what, seconds-1, bound.rate)
				}
			}
		}
	})
}

// A reload does not fill the quota again, unless it changes it or the stream is another one.
func TestQuotaOutlivesReloads(t *testing.T) {
	var c Catalog
	s := Stream{ID: buffer.NewStreamID(), Name: "clicks", Accepting: true, Quota: Quota{Records: 1}}
	used := func() bool {
		found, _ := c.Lookup([]byte("clicks"))
		return found.limiter.left(time.Now().Add(-time.Hour)) > 0
	}
	c.Set([]Stream{s})
	found, _ := c.Lookup([]byte("clicks"))
	found.limiter.take(time.Now(), recordsOf(1), false)
	if c.Set([]Stream{s}); !used() {
		t.Error("the same stream has its quota anew")
	}
	changed := s
	changed.Quota.Records = 2
	if c.Set([]Stream{changed}); used() {
		t.Error("a changed quota is used up already")
	}
	c.Set([]Stream{s})
	found, _ = c.Lookup([]byte("clicks"))
	found.limiter.take(time.Now(), recordsOf(1), false)
	other := s
	other.ID = buffer.NewStreamID()
	if c.Set([]Stream{other}); used() {
		t.Error("another stream of the name has no quota left")
	}
	c.Set([]Stream{{ID: s.ID, Name: "clicks", Accepting: true}})
	if found, _ := c.Lookup([]byte("clicks")); found.limiter != nil {
		t.Error("a stream without a quota is limited")
	}
}

func TestQuotaSaysItsBounds(t *testing.T) {
	for want, q := range map[string]Quota{
		"5 records": {Records: 5}, "5 records, 6 bytes, 7 requests": {Records: 5, Bytes: 6, Requests: 7}, "": {},
	} {
		if got := q.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	in := newIngest(t, Limits{}, Deps{Log: new(fakeLog)})
	stream := &Stream{Name: "clicks", limiter: newLimiter(Quota{Records: 5}, time.Now())}
	err := in.quotaExceeded(stream, 3, 1100*time.Millisecond)
	if e := AsError(err); e.Code != QuotaExceeded || e.RetrySeconds() != 2 || !strings.Contains(e.Detail, `"clicks" has used up its quota of 5 records a second`) {
		t.Errorf("got %+v", e)
	}
}
