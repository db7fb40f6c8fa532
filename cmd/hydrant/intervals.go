package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var interval = prometheus.NewDesc("hydrant_buffering_interval_seconds",
	"The stream's interval: how old a record is meant to grow before its object is sealed; 0 for a stream that is only drained.", []string{"stream"}, nil)

// intervals exports what hydrant_oldest_undelivered_seconds is to be compared with.
type intervals struct{ streams *streamSet }

// Describe implements prometheus.Collector.
func (c intervals) Describe(ch chan<- *prometheus.Desc) { ch <- interval }

// Collect implements prometheus.Collector. A stream that is only drained has no interval any more: 0.
func (c intervals) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.streams.living() {
		d, _ := c.streams.Current(s.Name)
		ch <- prometheus.MustNewConstMetric(interval, prometheus.GaugeValue, time.Duration(d.Buffering.Interval).Seconds(), s.Name)
	}
}
