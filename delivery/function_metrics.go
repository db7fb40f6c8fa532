package delivery

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/partitioner"
)

func (m *Metrics) functionMetrics() {
	m.calls = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "hydrant_function_seconds",
		Help:    "Time of one call of the stream's function, failed ones included.",
		Buckets: prometheus.ExponentialBuckets(0.001, 4, 10),
	}, []string{"stream"})
	m.failedCalls = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hydrant_function_failures_total",
		Help: "Calls of the stream's function that gave no answer.",
	}, []string{"stream"})
	m.answered = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hydrant_function_records_total",
		Help: "Records that are done with by the stream's function, by result: ok, dropped or failed.",
	}, []string{"stream", "result"})
	m.answeredB = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hydrant_function_bytes_total",
		Help: "Bytes of the records that the stream's function answered with.",
	}, []string{"stream"})
}

// called counts one call.
func (m *Metrics) called(stream string, took time.Duration, ok bool) {
	if m == nil {
		return
	}
	m.calls.WithLabelValues(stream).Observe(took.Seconds())
	if !ok {
		m.failedCalls.WithLabelValues(stream).Inc()
	}
}

// transformed counts what is journaled.
func (m *Metrics) transformed(stream string, calls []*call) {
	if m == nil {
		return
	}
	var results [partitioner.Failed + 1]int
	bytes := 0
	for _, c := range calls {
		for i := range c.outcomes {
			results[c.outcomes[i].Result]++
			bytes += len(c.outcomes[i].Data)
		}
	}
	m.answered.WithLabelValues(stream, "ok").Add(float64(results[partitioner.Passed]))
	m.answered.WithLabelValues(stream, "dropped").Add(float64(results[partitioner.Dropped]))
	m.answered.WithLabelValues(stream, "failed").Add(float64(results[partitioner.Failed]))
	m.answeredB.WithLabelValues(stream).Add(float64(bytes))
}
