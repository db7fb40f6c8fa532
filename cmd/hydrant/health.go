package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/buffer/badgerlog"
	"hydrant/gateway/admin"
)

// patience is how much older than its interval the oldest undelivered record may grow before the node warns: to seem healthy
// and not to deliver is the worst kind of outage. It stays in service: what is away, a store, is away for all nodes, and
// as long as their disks have room producers are to be answered.
const patience = 15 * time.Minute

// checks are what /readyz asks.
func (n *node) checks() []admin.Check {
	return []admin.Check{
		{Name: "stopping", Check: n.checkStopping},
		{Name: "buffer", Check: n.checkBuffer},
		{Name: "delivery", Check: n.checkDelivery},
		{Name: "encryption", Check: n.checkKeys},
		{Name: "age", Check: n.checkAge, Warns: true},
	}
}

func (n *node) checkStopping() error {
	if n.stopping.Load() {
		return errors.New("the node is stopping")
	}
	return nil
}

func (n *node) checkBuffer() error {
	select {
	case <-n.buffer.Failed():
		return errors.New("the buffer's disk has failed")
	default:
	}
	if full := n.buffer.Usage().Full; full != "" {
		return errors.New(full)
	}
	return nil
}

// checkDelivery names streams that have stopped for good. One whose destination is away recovers by itself, and records
// are taken meanwhile: that shows in the age.
func (n *node) checkDelivery() error {
	var errs []error
	for _, t := range n.service.Health() {
		if t.Stopped {
			errs = append(errs, fmt.Errorf("stream %s has stopped since %s: %s", t.Stream, t.Since.UTC().Format(time.RFC3339), t.Reason))
		}
	}
	return errors.Join(errs...)
}

func (n *node) checkAge() error {
	stats := n.buffer.Stats()
	reasons := map[string]string{}
	for _, t := range n.service.Health() {
		reasons[t.Stream] = t.Reason
	}
	var errs []error
	for _, s := range n.buffer.Streams() {
		oldest := stats.Streams[s.ID].OldestArrival
		if time.Since(oldest) <= patience || oldest.IsZero() {
			continue // whatever its interval is
		}
		definition, _ := n.streams.Current(s.Name)
		limit := patience + time.Duration(definition.LongestInterval())
		if age := time.Since(oldest); age > limit {
			errs = append(errs, fmt.Errorf("stream %s: the oldest undelivered record is %s old, more than %s: %s",
				s.Name, age.Round(time.Second), limit, reasons[s.Name]))
		}
	}
	return errors.Join(errs...)
}

// observeGroups registers the buffer's own metrics.
func observeGroups(r prometheus.Registerer) func(badgerlog.Group) {
	syncs := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "hydrant_sync_seconds",
		Help:    "Time of a group's transaction and sync.",
		Buckets: prometheus.ExponentialBuckets(0.0002, 2.5, 10),
	})
	sizes := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "hydrant_group_bytes",
		Help:    "Bytes of the records that one sync made durable.",
		Buckets: prometheus.ExponentialBuckets(256, 4, 9),
	})
	stored := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "hydrant_buffer_written_bytes_total",
		Help: "Bytes written to the buffer, after compression, state included.",
	})
	r.MustRegister(syncs, sizes, stored)
	return func(g badgerlog.Group) {
		syncs.Observe(g.Sync.Seconds())
		sizes.Observe(float64(g.Bytes))
		stored.Add(float64(g.Stored))
	}
}
