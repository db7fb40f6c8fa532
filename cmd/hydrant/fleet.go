package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/delivery/s3"
	"hydrant/stream/definitions"
	"hydrant/stream/definitions/bucket"
)

// openDefinitions opens where the definitions of streams made through the API are kept. A fleet's store that does not
// answer fails no start; one that ignores conditions does.
func (c *Config) openDefinitions(ctx context.Context, log *slog.Logger) (definitions.Store, error) {
	own := filepath.Join(c.DataDir, definitionsDir)
	if !c.inFleet() {
		return definitions.OpenDirectory(own)
	}
	place := c.APIStreams.Store.S3
	client, err := s3.Client(ctx, place.definition())
	if err != nil {
		return nil, fmt.Errorf("api_streams.store: %w", err)
	}
	store := bucket.New(client, place.Bucket, place.Prefix)
	err = store.Check(ctx)
	if errors.Is(err, bucket.ErrUnconditional) {
		return nil, err
	}
	if err != nil {
		log.Warn("the store of the fleet's streams cannot be used yet", "reason", err)
	}
	return definitions.OpenCached(&joining{Store: store, own: own, log: log}, filepath.Join(c.DataDir, fleetDir))
}

// joining is a fleet's store that knows nothing before this node's own streams are there: else one of them would seem not to
// exist, for as long as the node lives, because the store was away when it started.
type joining struct {
	definitions.Store
	own string // directory
	log *slog.Logger

	mu     sync.Mutex
	joined bool
}

// Load implements definitions.Store.
func (j *joining) Load(ctx context.Context) (map[string]definitions.Document, error) {
	if err := j.join(ctx); err != nil {
		return nil, fmt.Errorf("bring this node's own streams to the fleet: %w", err)
	}
	return j.Store.Load(ctx)
}

func (j *joining) join(ctx context.Context) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.joined {
		return nil
	}
	err := joinFleet(ctx, j.own, j.Store, j.log)
	j.joined = err == nil
	return err
}

func (c *Config) inFleet() bool { return c.APIStreams.Store.S3.Bucket != "" }

// joinFleet brings the streams that this node had alone to the fleet. Of two of one name the fleet's stays.
func joinFleet(ctx context.Context, dir string, fleet definitions.Store, log *slog.Logger) error {
	own, err := definitions.OpenDirectory(dir)
	if err != nil {
		return err
	}
	documents, damaged := own.Load(ctx)
	if documents == nil {
		return damaged
	}
	for name, document := range documents {
		_, err := fleet.Put(ctx, name, document.Data, "")
		theirs := false
		if errors.Is(err, definitions.ErrConflict) {
			theirs, err = differs(ctx, fleet, name, document)
		}
		switch {
		case err == nil && theirs:
			log.Warn("the fleet has a stream of this name; the one that this node had alone is given up, and what it holds is delivered", "stream", name)
		case err != nil:
			return err
		default:
			log.Info("a stream that this node had alone is the fleet's now", "stream", name)
		}
		if err := own.Delete(ctx, name, document.Version); err != nil {
			return err
		}
	}
	for _, reason := range definitions.Unreadable(damaged) {
		log.Error("a stream that this node had alone does not become the fleet's", "reason", reason)
	}
	return nil
}

// differs reports whether the fleet's stream of a name is another one than this node's. It is the same where the node was killed
// when it had just brought it there.
func differs(ctx context.Context, fleet definitions.Store, name string, own definitions.Document) (bool, error) {
	documents, err := fleet.Load(ctx)
	return !bytes.Equal(documents[name].Data, own.Data), err
}

// look is what the gateway calls for a stream that it does not know; nil on a node that is alone.
func (n *node) look() func(context.Context) error {
	if !n.cfg.inFleet() {
		return nil
	}
	return n.control.Find
}

// observeLooks registers how old what this node knows of the fleet's streams may be.
func (n *node) observeLooks() {
	if !n.cfg.inFleet() {
		return
	}
	n.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hydrant_definitions_age_seconds",
		Help: "Time since the last successful look at the store with the fleet's streams. Alert above a minute: changes made on other nodes are not seen.",
	}, func() float64 { return n.control.LookAge().Seconds() }))
}
