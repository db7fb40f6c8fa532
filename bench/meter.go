package bench

import (
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	longestLatency = int64(time.Hour / time.Microsecond) // longer ones count as this
	latencyDigits  = 3
	maxFailures    = 100 // kinds that are counted apart
)

// A meter counts what became of one producer's requests. One goroutine records; the counts may be read beside it.
type meter struct {
	counts counts

	measured time.Time               // requests due before it are warm-up and not measured
	latency  *hdrhistogram.Histogram // of measured requests of which something was acked, in microseconds from the slot's time
	requests int64                   // measured
	records  int64                   // measured and acked
	answered time.Time               // the last measured request

	failures map[string]*Failure // by kind
}

// counts cover the whole run, the warm-up too.
type counts struct {
	requests atomic.Int64
	records  [outcomes]atomic.Int64
}

func newMeter(measured time.Time) *meter {
	return &meter{
		measured: measured,
		latency:  hdrhistogram.New(1, longestLatency, latencyDigits),
		failures: map[string]*Failure{},
	}
}

// record takes the answer to a slot's request. The latency runs from the time at which the slot was due, not from when
// the request left: a request that a slow answer held up is as late as a user would see it.
func (m *meter) record(slot slot, answered time.Time, a answer) {
	m.counts.requests.Add(1)
	stored := 0
	for _, p := range a.parts {
		m.counts.records[p.outcome].Add(int64(p.records))
		if p.outcome == acked {
			stored += p.records
		} else {
			m.fail(p, a.detail)
		}
	}
	if slot.due.Before(m.measured) {
		return
	}
	m.requests++
	m.records += int64(stored)
	m.answered = answered
	if stored > 0 {
		latency := answered.Sub(slot.due).Microseconds()
		_ = m.latency.RecordValue(min(max(latency, 1), longestLatency)) // in its range
	}
}

func (m *meter) fail(p part, detail string) {
	kind := p.failure
	if m.failures[kind] == nil && len(m.failures) >= maxFailures {
		kind = "other"
	}
	if m.failures[kind] == nil {
		m.failures[kind] = &Failure{Kind: kind, Outcome: p.outcome.String(), Example: detail}
	}
	m.failures[kind].Records += int64(p.records)
}

// merge adds another producer's measurements when both have ended.
func (m *meter) merge(other *meter) {
	m.latency.Merge(other.latency)
	m.requests += other.requests
	m.records += other.records
	if other.answered.After(m.answered) {
		m.answered = other.answered
	}
	m.counts.add(&other.counts)
	for kind, failure := range other.failures {
		if m.failures[kind] == nil {
			m.failures[kind] = &Failure{Kind: kind, Outcome: failure.Outcome, Example: failure.Example}
		}
		m.failures[kind].Records += failure.Records
	}
}

func (c *counts) add(other *counts) {
	c.requests.Add(other.requests.Load())
	for o := range other.records {
		c.records[o].Add(other.records[o].Load())
	}
}
