package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/buffer"
	"hydrant/delivery"
)

// pacedLog tells the pace of delivery how long acknowledgements take.
type pacedLog struct {
	buffer.Log
	pace *delivery.Pace
}

func (l pacedLog) Append(ctx context.Context, b buffer.Batch) (buffer.Receipt, error) {
	size := 0
	for _, record := range b.Records { // they are the caller's again afterwards
		size += len(record)
	}
	start := time.Now()
	receipt, err := l.Log.Append(ctx, b)
	if err == nil && !receipt.Duplicate {
		l.pace.Acked(int64(size), time.Since(start))
	}
	return receipt, err
}

// newPace returns delivery's pace and registers what shows it.
func newPace(r prometheus.Registerer) *delivery.Pace {
	p := delivery.NewPace()
	r.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "hydrant_catch_up_limit_bytes_per_second",
			Help: "Rate to which delivery of a backlog is held while acknowledgements are slow; +Inf while it is not.",
		}, p.Limit),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "hydrant_catch_up_held_seconds_total",
			Help: "Time that delivery of a backlog was held because acknowledgements were slow, all streams together.",
		}, func() float64 { return p.Held().Seconds() }),
	)
	return p
}
