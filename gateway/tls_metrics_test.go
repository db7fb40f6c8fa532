package gateway

import (
	"crypto/x509"
	"slices"
	"testing"
	"time"
)

// wantTLS compares the metrics of the listener's certificate.
func (x *tlsFixture) wantTLS(when string, expiry time.Time, applied, rejected, last float64) {
	x.t.Helper()
	got := []float64{
		x.metric("hydrant_tls_certificate_expiry_timestamp_seconds"),
		x.metric("hydrant_tls_reloads_total", "applied"),
		x.metric("hydrant_tls_reloads_total", "rejected"),
		x.metric("hydrant_tls_last_reload_successful"),
	}
	if want := []float64{float64(expiry.Unix()), applied, rejected, last}; !slices.Equal(got, want) {
		x.t.Errorf("%s: expiry, applied, rejected, last are %.0f, want %.0f", when, got, want)
	}
}

// Metrics tell which certificate is served, without a handshake, and what became of files that were replaced.
func TestCertificateMetrics(t *testing.T) {
	x := startTLS(t, nil, nil)
	start := time.Now().Truncate(time.Second)
	until := func(at time.Time) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.NotAfter = at }
	}
	put := func(cert, key []byte) {
		write(t, x.files.Certificate, cert)
		if key != nil {
			write(t, x.files.Key, key)
		}
	}
	year := start.Add(365 * 24 * time.Hour)
	put(x.authority.issue(50, until(year)))
	if err := x.tls.Reload(); err != nil {
		t.Fatal(err)
	}
	x.wantTLS("reloaded", year, 1, 0, 1)

	half, _ := x.authority.issue(600, until(start.Add(time.Minute)))
	put(half, nil)
	x.unlook()
	x.wantTLS("with half of a pair", year, 1, 1, 0)
	x.wantTLS("looked at again", year, 1, 1, 0)

	// The authority's own certificate, at the end of the chain, runs out before the one it issued.
	cert, key := x.authority.issue(7000, until(year))
	put(append(cert, x.authority.pem...), key)
	x.unlook()
	x.wantTLS("with a chain", x.authority.cert.NotAfter, 2, 1, 1)
}
