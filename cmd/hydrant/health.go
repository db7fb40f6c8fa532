package main

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/buffer/badgerlog"
	"hydrant/gateway/admin"
)

// patience is how much older than its interval the oldest undelivered record may grow before the node tells: to seem healthy
// and not to deliver is the worst kind of outage. A node that cannot say why goes out of service. One that can, stays: a
// store that is away is away for all nodes at once, and as long as their disks have room producers are to be answered.
const patience = 15 * time.Minute

// checks are what /readyz asks.
func (n *node) checks() []admin.Check {
	return []admin.Check{
		{Name: "stopping", Check: n.checkStopping},
		{Name: "buffer", Check: n.checkBuffer},
		{Name: "delivery", Check: n.checkDelivery},
		{Name: "encryption", Check: n.checkKeys},
		{Name: "age", Check: func() error { return tellLate(n.lateStreams(), false) }},
		{Name: "age", Check: func() error { return tellLate(n.lateStreams(), true) }, Warns: true},
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
		return n.buffer.Failure()
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

// lateStream is a stream whose oldest undelivered record is older than its limit.
type lateStream struct {
	name       string
	age, limit time.Duration
	reason     string // "" where none is known
}

func (n *node) lateStreams() []lateStream {
	stats := n.buffer.Stats()
	reasons := map[string]string{}
	for _, t := range n.service.Health() {
		reasons[t.Stream] = t.Reason
	}
	var late []lateStream
	for _, s := range n.buffer.Streams() {
		oldest := stats.Streams[s.ID].OldestArrival
		if time.Since(oldest) <= patience || oldest.IsZero() {
			continue // whatever its interval is
		}
		definition, _ := n.streams.Current(s.Name)
		limit := patience + time.Duration(definition.LongestInterval())
		if age := time.Since(oldest); age > limit {
			late = append(late, lateStream{s.Name, age.Round(time.Second), limit, reasons[s.Name]})
		}
	}
	return late
}

// tellLate names the streams that are late for a reason that is known, or the others.
func tellLate(late []lateStream, known bool) error {
	var errs []error
	for _, s := range late {
		if known != (s.reason != "") {
			continue
		}
		reason := cmp.Or(s.reason, "nothing is known to be in its way; more may come in than this node can deliver")
		errs = append(errs, fmt.Errorf("stream %s: the oldest undelivered record is %s old, more than %s: %s", s.name, s.age, s.limit, reason))
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
