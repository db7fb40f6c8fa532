package suite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hydrant/bench"
	"hydrant/bench/child"
)

const streamName = "suite"

// node is a running node of Hydrant's.
type node struct {
	server
	url, admin string
	dir        string // all that it keeps; removed when it is closed
	setup      setup
}

// setup is what a node is configured to do. The zero value delivers nothing.
type setup struct {
	store       *store // nil: none, and delivery is off
	off         bool   // without credentials for its store: nothing is sent, and retried seldom
	compression string // empty means none
	size        string // of objects; empty means the smallest
	interval    string // empty means the longest
	partitioned bool   // by the records' key
	memory      string // empty means the node's default
	others      int    // streams that nobody sends to
}

func dataDir(dir string) string { return filepath.Join(dir, "data") }

func (n *node) data() string { return dataDir(n.dir) }

// config is the configuration file.
func (s setup) config(dir string) string {
	var c strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&c, format+"\n", args...) }
	or := func(value, otherwise string) string {
		if value == "" {
			return otherwise
		}
		return value
	}
	line("data_dir: %q", dataDir(dir))
	line("log: {level: warn}")
	line("buffer: {max_disk: 32GiB}")
	if s.memory != "" {
		line("memory: %s", s.memory)
	}
	line("streams:\n  %s:", streamName)
	line("    buffering: {size: %s, interval: %s}", or(s.size, "1MiB"), or(s.interval, "24h"))
	line("    compression: %s", or(s.compression, "none"))
	prefix, destination := "", discarding("127.0.0.1:9")
	if s.store != nil {
		prefix, destination = s.store.prefix, s.store.destination
	}
	if s.partitioned {
		line("    partition_keys: {key: .key}")
		prefix += "key=!{partitionKeyFromQuery:key}/"
	}
	line("    prefix: %q", prefix+"suite/!{timestamp:yyyy/MM/dd/HH}/")
	line("    destination: {s3: %s}", destination)
	for n := range s.others {
		line("  other-%d: {destination: {s3: {bucket: none, region: none}}}", n)
	}
	return c.String()
}

// environment has the credentials for the store. The discarding one takes any; a real one's are the suite's own. Without
// credentials nothing is looked for in the user's files or in the network.
func (s setup) environment() []string {
	none := []string{"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true"}
	for _, name := range []string{
		"ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "WEB_IDENTITY_TOKEN_FILE",
		"CONTAINER_CREDENTIALS_RELATIVE_URI", "CONTAINER_CREDENTIALS_FULL_URI",
	} {
		none = append(none, "AWS_"+name+"=")
	}
	switch {
	case s.off || s.store == nil:
		return none
	case s.store.real():
		return nil
	}
	return append(none, "AWS_ACCESS_KEY_ID=suite", "AWS_SECRET_ACCESS_KEY=suite")
}

// startNode runs a node on a new directory until it is ready. The caller closes it.
func (b *bed) startNode(ctx context.Context, s setup) (*node, error) {
	dir, err := os.MkdirTemp(b.dir, "node-")
	if err != nil {
		return nil, err
	}
	n := &node{dir: dir, setup: s}
	if err := b.run(ctx, n); err != nil {
		return nil, fmt.Errorf("%w (%v)", err, os.RemoveAll(dir))
	}
	return n, nil
}

// again runs a node that was killed once more, with another set-up.
func (b *bed) again(ctx context.Context, n *node, s setup) error {
	n.setup = s
	return b.run(ctx, n)
}

func (b *bed) run(ctx context.Context, n *node) error {
	if err := b.launch(ctx, n); err != nil {
		return err
	}
	err := n.Await(ctx, "it is ready", func() bool { return child.Answers(ctx, n.admin+"/readyz") })
	if err != nil {
		n.Kill()
	}
	return err
}

// launch starts the process and does not wait until it is ready.
func (b *bed) launch(ctx context.Context, n *node) error {
	listen, err := child.FreeAddress()
	if err != nil {
		return err
	}
	admin, err := child.FreeAddress()
	if err != nil {
		return err
	}
	n.url, n.admin = "http://"+listen, "http://"+admin
	file := filepath.Join(n.dir, "hydrant.yaml")
	if err := os.WriteFile(file, []byte(n.setup.config(n.dir)), 0o600); err != nil {
		return err
	}
	environment := append(n.setup.environment(), "HYDRANT_LISTEN="+listen, "HYDRANT_ADMIN="+admin)
	c, err := b.start(ctx, "node", environment, "serve", "--config", file, "--grace", "30m")
	if err != nil {
		return err
	}
	n.server = server{process: c, count: n.incoming}
	return nil
}

// close kills the node and removes what it kept.
func (n *node) close() {
	n.Kill()
	_ = os.RemoveAll(n.dir) // the bed's end removes it else, and tells
}

func (n *node) metrics(ctx context.Context) (child.Metrics, error) {
	return child.ReadMetrics(ctx, n.admin)
}

func (n *node) incoming(ctx context.Context) (float64, error) {
	m, err := n.metrics(ctx)
	return m["hydrant_incoming_records_total"], err
}

// idleDelivery fills what a node with delivery off may seal, and waits until it has sealed it: from then on it
// neither reads nor builds.
func (b *bed) idleDelivery(ctx context.Context, n *node) error {
	o := b.to(n.url, batches)
	const bytes = 48 << 20 // more than the 32 objects of 1 MiB that may wait
	o.Duration, o.Records = 0, bytes>>10
	if _, err := b.send(ctx, n.server, o); err != nil {
		return err
	}
	sealed, since := -1.0, time.Now()
	var err error
	awaited := n.Await(ctx, "delivery is at its bound", func() bool {
		var m child.Metrics
		if m, err = n.metrics(ctx); err != nil {
			return true
		}
		if now := m["hydrant_sealed_objects_total"]; now != sealed {
			sealed, since = now, time.Now()
		}
		return sealed > 0 && time.Since(since) > 100*time.Millisecond
	})
	if awaited != nil {
		return awaited
	}
	return err
}

// measureNode makes a load on a node and adds what the node tells of itself.
func (b *bed) measureNode(ctx context.Context, n *node, o bench.Options) (Side, error) {
	first, err := n.metrics(ctx)
	if err != nil {
		return Side{}, err
	}
	before, err := n.metrics(ctx)
	if err != nil {
		return Side{}, err
	}
	used := n.watch.used()
	side, report, err := b.measure(ctx, n.server, o)
	if err != nil {
		return Side{}, err
	}
	after, err := n.metrics(ctx)
	if err != nil {
		return Side{}, err
	}
	const (
		mallocs = "go_memstats_mallocs_total"
		groups  = "hydrant_group_bytes"
		stored  = "hydrant_buffer_written_bytes_total"
	)
	payload, records := report.Measured.Megabytes*1e6, float64(report.Measured.Records)
	// Each look at the metrics allocates, also those that check who answered: three lie between before and after.
	looks := 3 * before.Since(first, mallocs)
	side.Figures[allocations] = max(0, after.Since(before, mallocs)-looks) / records
	side.Figures[groupBytes] = ratio(after.Since(before, groups+"_sum"), after.Since(before, groups+"_count"))
	side.Figures[storedGroup] = ratio(after.Since(before, stored), after.Since(before, groups+"_count"))
	side.Figures[storedPS] = after.Since(before, stored) / 1e6 / report.Measured.Seconds
	side.Figures[writtenShare] = float64(n.watch.used().since(used).written) / payload
	return side, nil
}
