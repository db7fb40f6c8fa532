package bench

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	longestLatency = int64(time.Hour / time.Microsecond) // longer ones count as this
	latencyDigits  = 3
	maxFailures    = 100 // kinds that are counted apart
)

// counts are of the whole run, the warm-up too.
type counts struct {
	requests int64
	records  [outcomes]int64
	bytes    int64 // of acked records
}

// A meter adds up what became of all requests. All producers share it: a mutex held for a tenth of a microsecond a
// request costs less than a histogram for each of thousands of connections.
type meter struct {
	measured time.Time // when measuring begins: requests due before it are warm-up

	mu       sync.Mutex
	counts   counts
	failures map[string]*Failure     // by kind
	latency  *hdrhistogram.Histogram // of measured requests of which something was acked, in microseconds
	requests int64                   // measured
	records  int64                   // measured and acked
	bytes    int64                   // of these
	answered time.Time               // of the last measured request
	timeline *timeline               // of measured requests
}

func newMeter(measured time.Time) *meter {
	return &meter{
		measured: measured,
		failures: map[string]*Failure{},
		latency:  hdrhistogram.New(1, longestLatency, latencyDigits),
		answered: measured,
		timeline: newTimeline(measured),
	}
}

// record takes the answer to a slot's request. The latency runs from the time at which the slot was due, not from when
// the request left: a request that a slow answer held up is as late as a user would see it. Sizes are the records'.
func (m *meter) record(slot slot, answered time.Time, a answer, sizes []int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.requests++
	stored, failed, bytes := 0, 0, int64(0)
	for _, p := range a.parts {
		m.counts.records[p.outcome] += int64(p.records)
		if p.outcome == acked {
			stored += p.records
			bytes += sum(sizes[:p.records])
		} else {
			failed += p.records
			m.fail(p, a.detail)
		}
		sizes = sizes[p.records:]
	}
	m.counts.bytes += bytes
	if slot.due.Before(m.measured) {
		return
	}
	m.requests++
	m.records += int64(stored)
	m.bytes += bytes
	if answered.After(m.answered) {
		m.answered = answered
	}
	m.timeline.add(answered, int64(stored), int64(failed), answered.Sub(slot.due))
	if stored > 0 {
		latency := answered.Sub(slot.due).Microseconds()
		_ = m.latency.RecordValue(min(max(latency, 1), longestLatency)) // in its range, so it is never refused
	}
}

func sum(sizes []int) (total int64) {
	for _, size := range sizes {
		total += int64(size)
	}
	return total
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

// soFar are the counts at this moment.
func (m *meter) soFar() counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts
}
