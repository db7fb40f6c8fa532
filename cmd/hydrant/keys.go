package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"hydrant/buffer"
)

// observeKeys registers what is known of the buffer's idempotency keys.
func observeKeys(r prometheus.Registerer, usage func() buffer.Usage) {
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hydrant_idempotency_keys",
		Help: "Idempotency keys remembered.",
	}, func() float64 { return float64(usage().Keys) }))
	r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "hydrant_idempotency_keys_expired_early_total",
		Help: "Idempotency keys forgotten before their ten minutes were over, for want of room: a retry may be stored again.",
	}, func() float64 { return float64(usage().KeysExpiredEarly) }))
}
