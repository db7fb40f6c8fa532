package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

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
	if err == nil {
		err = joinFleet(ctx, own, store, log)
	}
	if err != nil {
		log.Warn("the store of the fleet's streams cannot be used yet", "reason", err)
	}
	return definitions.OpenCached(store, filepath.Join(c.DataDir, fleetDir))
}

func (c *Config) inFleet() bool { return c.APIStreams.Store.S3.Bucket != "" }

// joinFleet brings the streams that this node had alone to the fleet. Of two of one name the fleet's stays.
func joinFleet(ctx context.Context, dir string, fleet definitions.Store, log *slog.Logger) error {
	own, err := definitions.OpenDirectory(dir)
	if err != nil {
		return err
	}
	documents, err := own.Load(ctx)
	if err != nil {
		return err
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
