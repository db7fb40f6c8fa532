package main

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml"

	"hydrant/buffer"
	"hydrant/buffer/badgerlog"
	"hydrant/cmd/hydrant/tracing"
	"hydrant/delivery"
	"hydrant/gateway/admin"
	web "hydrant/gateway/console"
	"hydrant/stream"
)

// newConsole makes the page of a node that is being started.
func (n *node) newConsole() *web.Console {
	shown := &shownNode{node: n, started: time.Now(), build: admin.ReadBuild()}
	n.replays = &replays{node: n}
	return web.New(web.Config{Write: n.cfg.Console.Write, Asks: n.cfg.Producers != nil}, web.Deps{
		Node: shown, Viewers: viewers{n}, Records: testRecords{n}, Operator: streamOperator{n}, Replays: n.replays, Log: n.log,
	})
}

// shownNode is a node as its console sees it.
type shownNode struct {
	node    *node
	started time.Time
	build   admin.Build
}

// State implements console.Node.
func (s *shownNode) State() web.NodeState {
	n := s.node
	stats := n.buffer.Usage()
	used, _ := n.service.Memory()
	state := web.NodeState{
		Name: n.cfg.Node, Version: s.build.Version, Revision: s.build.Revision, Go: s.build.Go, Started: s.started, Failing: []web.Failing{},
		Disk: stats.Disk, MaxDisk: stats.MaxDisk, Damaged: stats.Damaged, Uploading: n.service.Uploading(), Memory: processMemory(),
		MemoryUsed:   n.gateway.InFlight() + n.connections.Load() + stats.Forming + stats.Recent + int64(n.service.Uploading())*int64(uploadMemory) + used,
		MemoryBudget: int64(n.cfg.Memory),
	}
	state.Sync, state.SlowestSync = n.syncs.take()
	for _, check := range n.checks() {
		if check.Warns {
			continue // each stream's own state tells it
		}
		if err := check.Check(); err != nil {
			state.Failing = append(state.Failing, web.Failing{Name: check.Name, Reason: brief(err.Error())})
		}
	}
	return state
}

// processMemory is what the Go runtime holds of the machine's memory, in bytes.
func processMemory() int64 {
	held := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(held)
	return int64(held[0].Value.Uint64() - held[1].Value.Uint64())
}

// Streams implements console.Node.
func (s *shownNode) Streams() []web.Stream {
	n := s.node
	// The books first, as in the metrics: what is accepted between the two reads is pending.
	books, troubles := n.service.Books(), n.troubles()
	living, stats := n.streams.living(), n.buffer.Stats()
	all := make([]web.Stream, 0, len(living))
	for _, k := range living {
		all = append(all, n.shown(k, stats.Streams[k.ID], books[k.Name], troubles[k.Name]))
	}
	slices.SortFunc(all, func(a, b web.Stream) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// troubles are those of delivery, by stream. That an upload is slow is told only of a stream that has no other.
func (n *node) troubles() map[string][]web.Trouble {
	all := map[string][]web.Trouble{}
	for _, t := range n.service.Health() {
		all[t.Stream] = append(all[t.Stream], web.Trouble{Reason: brief(t.Reason), Since: t.Since, Stopped: t.Stopped, Backup: t.Backup})
	}
	for _, t := range n.service.Slow() {
		if len(all[t.Stream]) == 0 {
			all[t.Stream] = []web.Trouble{{Reason: brief(t.Reason), Since: t.Since, Backup: t.Backup, Slow: true}}
		}
	}
	return all
}

func (n *node) shown(k buffer.Stream, stats buffer.StreamStats, books delivery.Totals, troubles []web.Trouble) web.Stream {
	d, accepting := n.streams.Current(k.Name)
	if !accepting {
		d, _ = stream.Decode(k.Current.Data) // one that cannot be read is the trouble of its lane
	}
	shown := web.Stream{
		Name: k.Name, Version: k.Current.Number, Configured: d.Revision == 0, Accepting: accepting, Encrypted: k.Current.Key != 0,
		Interval: time.Duration(max(d.Buffering.Interval, d.Buffering.ColdInterval)),
		Accepted: stats.Accepted, AcceptedBytes: stats.AcceptedBytes, Delivered: books.Delivered, DeliveredBytes: books.Bytes,
		Objects: books.Objects, Dropped: books.Dropped, Quarantined: books.Quarantined, Errors: map[string]int64{},
		Pending: stats.Accepted - books.Settled(), PendingBytes: stats.PendingBytes, Oldest: stats.OldestArrival, Troubles: []web.Trouble{},
	}
	shown.Troubles = append(shown.Troubles, troubles...)
	maps.Copy(shown.Errors, books.Errors)
	if d.Destination.S3 != nil || d.Destination.Directory != nil {
		shown.Destination = destinationText(d.Destination)
	}
	shown.Failing = failingRecords(n.service.Reports(k.ID), k.Current.Number, time.Now())
	if missing := n.streams.keyTrouble(k); missing != nil {
		shown.Troubles = append(shown.Troubles, web.Trouble{Reason: missing.Error()})
	}
	return shown
}

// requestNames are a store's names of a request. They are for its owners, and stand in the log.
var requestNames = regexp.MustCompile(`, (RequestID|HostID): [^ ,)]*`)

// brief is a reason as a person reads it: without secrets, and without what hides it.
func brief(reason string) string {
	return requestNames.ReplaceAllString(mask(reason), "")
}

// lately is how long records that failed are told of at the top of a page.
const lately = 15 * time.Minute

// failingRecords finds what was last said of records that the version in force could not process: another one may have mended
// what was wrong.
func failingRecords(reports []delivery.Report, version uint64, now time.Time) *web.FailingRecords {
	for _, r := range slices.Backward(reports) {
		if r.Destination == "" && r.Version == version && now.Sub(r.Last) < lately {
			return &web.FailingRecords{Code: r.Code, Message: r.Message, Count: r.Count, First: r.First, Last: r.Last}
		}
	}
	return nil
}

// Definition implements console.Node.
func (s *shownNode) Definition(name string) (string, bool) {
	d, ok := s.node.streams.Current(name)
	if !ok {
		return "", false
	}
	text, err := yaml.MarshalWithOptions(masked(d), yaml.OmitZero(), yaml.CustomMarshaler(escaped))
	if err != nil {
		return "cannot be shown: " + err.Error(), true
	}
	return mask(string(text)), true
}

// Partitions implements console.Node.
func (s *shownNode) Partitions(ctx context.Context, name string, limit int) (any, error) {
	return s.node.service.Partitions(ctx, name, limit)
}

// Errors implements console.Node.
func (s *shownNode) Errors(name string) (any, bool) {
	_, known := s.node.streams.catalog.Lookup([]byte(name))
	return s.node.made().Errors(name), known
}

// Configuration implements console.Node.
func (s *shownNode) Configuration(sees func(name string) bool) (string, error) {
	n := s.node
	inForce := *n.cfg
	n.streams.changing.Lock()
	configured := n.streams.configured
	n.streams.changing.Unlock()
	inForce.Streams = slices.DeleteFunc(slices.Clone(configured), func(d stream.Stream) bool { return !sees(d.Name) })
	text, err := inForce.YAML()
	if err != nil {
		return "", fmt.Errorf("show the configuration: %w", err)
	}
	return mask(string(text)), nil
}

// observed tells the console and the tracer of delivery.
type observed struct {
	*web.Console
	traces *tracing.Tracer
}

// Sealed implements delivery.Observer.
func (o observed) Sealed(news delivery.ObjectNews) {
	o.Console.Sealed(shownObject(news))
	o.traces.Sealed(news)
}

// Uploaded implements delivery.Observer.
func (o observed) Uploaded(news delivery.UploadNews) { o.traces.Uploaded(news) }

// Delivered implements delivery.Observer.
func (o observed) Delivered(news delivery.ObjectNews) {
	o.Console.Delivered(shownObject(news))
	o.traces.Delivered(news)
}

func shownObject(o delivery.ObjectNews) web.Object {
	return web.Object{
		Stream: o.Stream, Lane: o.Lane, From: uint64(o.From), To: uint64(o.To), Partition: o.Partition, Key: o.Key, Reason: o.Reason,
		Failure: o.Failure, Backup: o.Backup, Records: o.Outputs, Bytes: o.Bytes, Stored: o.Stored, Arrival: o.Arrival,
	}
}

// syncTimes are those of the buffer's groups since somebody last looked.
type syncTimes struct {
	mu           sync.Mutex
	sum, slowest time.Duration
	count        int
}

// observe passes groups on to next.
func (s *syncTimes) observe(next func(badgerlog.Group)) func(badgerlog.Group) {
	return func(g badgerlog.Group) {
		s.mu.Lock()
		s.sum, s.slowest, s.count = s.sum+g.Sync, max(s.slowest, g.Sync), s.count+1
		s.mu.Unlock()
		next(g)
	}
}

// take returns the mean and the slowest, in seconds, and begins anew.
func (s *syncTimes) take() (mean, slowest float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mean, slowest = s.sum.Seconds()/float64(max(1, s.count)), s.slowest.Seconds()
	s.sum, s.slowest, s.count = 0, 0, 0
	return mean, slowest
}
