package gateway

import "github.com/prometheus/client_golang/prometheus"

var (
	tlsExpiry = prometheus.NewDesc("hydrant_tls_certificate_expiry_timestamp_seconds",
		"When the certificate that the producers' listener serves runs out, in Unix time: the earliest of its chain.", nil, nil)
	tlsReloads = prometheus.NewDesc("hydrant_tls_reloads_total",
		"Times that the TLS files were read again, because they changed or on SIGHUP, by result: applied or rejected.", []string{"result"}, nil)
	tlsLast = prometheus.NewDesc("hydrant_tls_last_reload_successful",
		"0 after TLS files that could not be used: the listener serves what they held before. Else 1.", nil, nil)
)

// Describe is of prometheus.Collector.
func (t *TLS) Describe(to chan<- *prometheus.Desc) {
	to <- tlsExpiry
	to <- tlsReloads
	to <- tlsLast
}

// Collect is of prometheus.Collector. It looks at the files as a handshake does, so that a node that nobody calls tells
// of them too.
func (t *TLS) Collect(to chan<- prometheus.Metric) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.look()
	last := 1.0
	if t.failed {
		last = 0
	}
	to <- prometheus.MustNewConstMetric(tlsExpiry, prometheus.GaugeValue, float64(t.expiry.Unix()))
	to <- prometheus.MustNewConstMetric(tlsReloads, prometheus.CounterValue, float64(t.applied), "applied")
	to <- prometheus.MustNewConstMetric(tlsReloads, prometheus.CounterValue, float64(t.rejected), "rejected")
	to <- prometheus.MustNewConstMetric(tlsLast, prometheus.GaugeValue, last)
}

// registerTLS shows the metrics, where somebody asks for any.
func registerTLS(r prometheus.Registerer, t *TLS) error {
	if r == nil {
		return nil
	}
	return r.Register(t)
}
