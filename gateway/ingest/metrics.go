package ingest

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	records   *prometheus.CounterVec
	bytes     *prometheus.CounterVec
	throttled *prometheus.CounterVec
	refused   *prometheus.CounterVec
	ack       prometheus.Histogram

	replayed   *prometheus.CounterVec
	duplicates *prometheus.CounterVec
	auth       *prometheus.CounterVec
}

func newMetrics(registerer prometheus.Registerer, inFlight func() float64) (*metrics, error) {
	counter := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	m := &metrics{
		records:   counter("hydrant_incoming_records_total", "Records acknowledged as durable.", "stream"),
		bytes:     counter("hydrant_incoming_bytes_total", "Bytes of the records acknowledged as durable.", "stream"),
		throttled: counter("hydrant_throttled_records_total", "Records refused because the buffer was full, or the stream's quota used up.", "stream"),
		refused:   counter("hydrant_refused_requests_total", "Requests answered with an error, by its code.", "code"),
		ack: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "hydrant_ack_seconds",
			Help:    "Time from a request's headers to its records being durable.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16), // 0.5 ms to 16 s
		}),
		replayed:   counter("hydrant_replayed_records_total", "Of the records acknowledged as durable, those that a replay sent.", "stream"),
		duplicates: counter("hydrant_duplicate_requests_total", "Retries answered as the first request was; nothing was stored.", "stream"),
		auth:       newAuthFailures(),
	}
	m.refused.WithLabelValues(string(Internal)) // begins at 0: an alert sees the first one rise
	if registerer == nil {
		return m, nil
	}
	reserved := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hydrant_in_flight_bytes",
		Help: "Bytes reserved by the requests being served.",
	}, inFlight)
	for _, c := range []prometheus.Collector{m.records, m.bytes, m.throttled, m.refused, m.ack, m.replayed, m.duplicates, m.auth, reserved} {
		if err := registerer.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// series are the counters of one stream that every request moves: finding them by the stream's name costs more than that.
type series struct {
	found          sync.Once // they are not shown before the stream's first record
	records, bytes prometheus.Counter
}

func (m *metrics) accepted(stream *Stream, records [][]byte, took time.Duration) {
	size := 0
	for _, record := range records {
		size += len(record)
	}
	counted := stream.series
	counted.found.Do(func() {
		counted.records, counted.bytes = m.records.WithLabelValues(stream.Name), m.bytes.WithLabelValues(stream.Name)
	})
	counted.records.Add(float64(len(records)))
	counted.bytes.Add(float64(size))
	m.ack.Observe(took.Seconds())
}

// forget takes a stream that is gone out of the metrics.
func (m *metrics) forget(stream string) {
	for _, perStream := range []*prometheus.CounterVec{m.records, m.bytes, m.throttled, m.replayed, m.duplicates} {
		perStream.DeleteLabelValues(stream)
	}
}
