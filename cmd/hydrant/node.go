package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/buffer"
	"hydrant/buffer/badgerlog"
	"hydrant/buffer/keyring"
	"hydrant/cmd/hydrant/tracing"
	"hydrant/delivery"
	"hydrant/delivery/directory"
	"hydrant/delivery/s3"
	"hydrant/gateway"
	"hydrant/gateway/admin"
	"hydrant/gateway/auth"
	web "hydrant/gateway/console"
	"hydrant/gateway/firehose/control"
	"hydrant/gateway/ingest"
	"hydrant/stream"
)

// Places in the data directory: of the buffer, and of parts of objects for which there is no memory.
const (
	bufferDir      = "buffer"
	scratchDir     = "scratch"
	definitionsDir = "definitions" // of streams made through the API
	fleetDir       = "fleet"       // the same of a fleet, as last seen
)

// node is a running node. It starts in the direction of its dependencies and stops in the direction of the data:
//
//	start: buffer, streams, delivery, gateway, ready
//	stop:  not ready, gateway, delivery, buffer, admin
type node struct {
	cfg      *Config
	log      *slog.Logger
	registry *prometheus.Registry
	keys     *keyring.Ring
	buffer   buffer.Log
	streams  *streamSet
	control  *control.Plane
	reloads  reloads
	scratch  *delivery.Scratch // nil where there can be none
	service  *delivery.Service
	pace     *delivery.Pace
	gateway  *gateway.Server

	connections atomic.Int64 // bytes that open connections of producers hold

	guard   *auth.Guard  // nil where producers are not asked for credentials
	tls     *gateway.TLS // nil without TLS
	admin   *admin.Server
	console *web.Console
	replays *replays
	syncs   syncTimes
	traces  *tracing.Tracer // nil where none are asked for
	address net.Addr        // of the gateway

	failed   chan error // what ends the node
	stopping atomic.Bool
	ended    chan struct{}      // closed when the buffer is
	cancel   context.CancelFunc // ends delivery

	closeConsole context.CancelFunc // nil before it runs
	delivering   sync.WaitGroup
	running      sync.WaitGroup // the servers, and who watches the buffer
}

// startNode starts a whole node. Where a module of a function is not one, nothing is begun.
func startNode(cfg *Config, log *slog.Logger) (*node, error) {
	for _, d := range cfg.Streams {
		if d.Transform != nil && d.Transform.WASM != nil {
			log.Info("a function's module is compiled, which may take some seconds", "stream", d.Name, "path", d.Transform.WASM.Path)
		}
	}
	modules, err := delivery.ReadModules(context.Background(), openFunction, cfg.Streams)
	if err != nil {
		return nil, err
	}
	n, err := openNode(cfg, log)
	if err != nil {
		err = adviseInUse(err, "stop it first, or give this node a data_dir of its own (or HYDRANT_DATA_DIR)")
		return nil, errors.Join(err, modules.Discard())
	}
	n.service.Use(modules)
	if err := n.open(); err != nil {
		return nil, errors.Join(err, n.stop(0))
	}
	return n, nil
}

// openNode starts what delivers, and nothing that listens.
func openNode(cfg *Config, log *slog.Logger) (*node, error) {
	n := &node{cfg: cfg, log: log, registry: prometheus.NewRegistry(), failed: make(chan error, 4), ended: make(chan struct{})}
	limitHeap(cfg.Memory, len(cfg.Streams))
	if err := admin.Register(n.registry); err != nil {
		return nil, err
	}
	var err error
	if n.traces, err = tracing.Open(context.Background(), nodePlace(cfg), admin.ReadBuild().Version, log); err != nil {
		return nil, err
	}
	if err := n.openBuffer(); err != nil {
		return nil, err
	}
	n.streams = &streamSet{
		log: n.buffer, logger: n.log, catalog: new(ingest.Catalog), keys: n.keys,
		counted: func(streams int) { limitHeap(cfg.Memory, streams) },
	}
	n.openKeys()
	if err := n.openStreams(); err != nil {
		return nil, errors.Join(err, n.buffer.Close())
	}
	n.reloads = newReloads(n.registry)
	n.console = n.newConsole()
	observeKeys(n.registry, n.buffer.Usage)
	n.registry.MustRegister(intervals{n.streams})
	n.startDelivery()
	return n, nil
}

func (n *node) openBuffer() (err error) {
	n.keys = keyring.New(keyring.Config{Dir: n.cfg.DataDir, Masters: n.cfg.Encryption.masters(), Log: n.log})
	n.buffer, err = badgerlog.Open(badgerlog.Config{
		Dir:         filepath.Join(n.cfg.DataDir, bufferDir),
		MaxDisk:     int64(n.cfg.Buffer.MaxDisk),
		StreamShare: int64(n.cfg.Buffer.StreamShare),
		Recent:      int64(n.cfg.memoryPlan().Recent),
		DataKeys:    n.keys,
		Log:         n.log,
		Observe:     n.syncs.observe(n.traced(observeGroups(n.registry))),
	})
	if err != nil {
		return fmt.Errorf("open the buffer: %w", adviseDataDir(err, n.cfg.DataDir))
	}
	return nil
}

// openStreams puts the streams of the file in force, and with them those made through the API.
func (n *node) openStreams() error {
	ctx := context.Background()
	store, err := n.cfg.openDefinitions(ctx, n.log)
	if err != nil {
		return err
	}
	n.control, err = control.New(ctx, n.cfg.APIStreams.config(), control.Deps{
		Store: store,
		Node:  n.made(),
		Log:   n.log,
	})
	if err != nil {
		return err
	}
	observeDefinitions(n.registry, n.control)
	n.observeLooks()
	n.streams.configured = n.cfg.Streams
	return n.control.Serve(ctx)
}

// health is what is wrong with streams; nothing before delivery has started.
func (n *node) health() []delivery.Trouble {
	if n.service == nil {
		return nil
	}
	return n.service.Health()
}

// made is the node as the control plane sees it.
func (n *node) made() madeStreams {
	return madeStreams{
		n.streams,
		n.health,
		func(id buffer.StreamID) []delivery.Report { return n.service.Reports(id) },
		func() map[string]delivery.Totals { return n.service.Books() },
	}
}

// open lets producers and operators in.
func (n *node) open() error {
	if err := n.startGateway(); err != nil {
		return err
	}
	n.memoryMetrics(n.registry)
	n.admin = admin.New(admin.Config{Address: n.cfg.Admin}, admin.Deps{
		Ready: n.checks(), Metrics: n.registry, Console: n.console, Log: n.log,
	})
	if err := n.admin.Listen(); err != nil {
		return adviseListener(err, "admin")
	}
	n.run("admin", n.admin.Serve)
	var ctx context.Context
	ctx, n.closeConsole = context.WithCancel(context.Background())
	n.running.Go(func() { n.console.Run(ctx) })
	n.running.Go(n.watchBuffer)
	return nil
}

func (n *node) startDelivery() {
	n.openScratch()
	n.pace = newPace(n.registry)
	n.service = delivery.New(delivery.Config{
		Account: n.cfg.APIStreams.Account,
		Region:  n.cfg.APIStreams.Region,
		Node:    nodePlace(n.cfg),
		Memory:  int64(n.cfg.memoryPlan().Objects),
		Uploads: uploads,
	}, delivery.Deps{
		Open:      openDestination,
		Function:  openFunction,
		Current:   n.streams.Current,
		Scratch:   n.scratch,
		Pace:      n.pace,
		Elsewhere: n.connections.Load,
		Metrics:   delivery.NewMetrics(n.registry),
		Observe:   observed{n.console, n.traces},
		Log:       n.log,
	})
	n.registry.MustRegister(&delivery.Collector{
		Service: n.service,
		Buffer:  func() ([]buffer.Stream, buffer.Stats) { return n.streams.living(), n.buffer.Stats() },
		Now:     time.Now,
	})
	n.streams.discard, n.streams.hasten, n.streams.calm = n.service.Discard, n.service.Hasten, n.service.Calm
	n.streams.discardDeleted()
	var ctx context.Context
	ctx, n.cancel = context.WithCancel(context.Background())
	n.delivering.Go(func() { n.control.Run(ctx) })
	n.tendKeys(ctx)
	n.delivering.Go(func() {
		// A lane's error is told by Health; the node goes on for the other streams.
		_ = n.service.Run(ctx, n.buffer)
	})
}

// openScratch goes on without where it cannot be had: objects are then sealed early when memory ends.
func (n *node) openScratch() {
	var err error
	n.scratch, err = delivery.OpenScratch(filepath.Join(n.cfg.DataDir, scratchDir), int64(n.cfg.Buffer.MaxDisk/4))
	if err != nil {
		n.log.Warn("no room beside memory for open objects: they are sealed early when memory ends", "reason", err)
	}
}

func (n *node) startGateway() (err error) {
	limits := n.cfg.Limits
	n.guard = n.cfg.guard()
	if n.tls, err = n.cfg.TLS.open(n.log); err != nil {
		return err
	}
	n.gateway, err = gateway.New(gateway.Config{
		Listen:      n.cfg.Listen,
		Connections: n.cfg.connections(),
		Ingest: ingest.Config{Limits: ingest.Limits{
			Body:         int64(limits.Body),
			Decompressed: int64(limits.Decompressed),
			Record:       int64(limits.Record),
			Records:      int64(limits.Records),
			InFlight:     int64(limits.InFlight),
		}},
	}, gateway.Deps{
		Log:        pacedLog{n.buffer, n.pace},
		Catalog:    n.streams.catalog,
		Guard:      n.guard,
		TLS:        n.tls,
		Control:    n.control,
		Flush:      n.flush,
		Look:       n.look(),
		Answered:   n.answered(),
		Held:       &n.connections,
		Registerer: n.registry,
		Logger:     n.log,
	})
	if err != nil {
		return err
	}
	if n.address, err = n.gateway.Listen(); err != nil {
		return adviseListener(err, "listen")
	}
	n.run("gateway", n.gateway.Serve)
	return nil
}

// flush implements native.Flush.
func (n *node) flush(ctx context.Context, id buffer.StreamID) (objects, records int64, err error) {
	sealed, err := n.service.Flush(ctx, id)
	return sealed.Objects, sealed.Records, err
}

// run serves until the server is shut down; an earlier end ends the node.
func (n *node) run(name string, serve func() error) {
	n.running.Go(func() {
		if err := serve(); err != nil && !n.stopping.Load() {
			n.failed <- fmt.Errorf("%s: %w", name, err)
		}
	})
}

// watchBuffer ends the node when the buffer cannot store anything any more: a restart reads the disk afresh.
func (n *node) watchBuffer() {
	select {
	case <-n.buffer.Failed():
		n.failed <- n.buffer.Failure()
	case <-n.ended:
	}
}

// nodePlace tells a node from others to their operators, and from a copy of its data directory elsewhere.
func nodePlace(cfg *Config) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	dir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		dir = cfg.DataDir
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s:%s", cfg.Node, host, dir))
}

func openDestination(ctx context.Context, d stream.Destination) (delivery.Destination, error) {
	if d.S3 != nil {
		return s3.New(ctx, *d.S3)
	}
	return directory.New(*d.Directory)
}
