package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/delivery"
)

// reload puts the streams of the configuration file, the modules of their functions, the credentials and the TLS files in force while the node runs: what
// arrives from then on is served under the new definitions, what arrived before under the old ones. It is all or nothing: a file with a fault changes
// nothing, nor does one that changes a setting outside streams, which only a start can put in force.
func (n *node) reload(ctx context.Context, path string) (err error) {
	next, err := LoadServed(path, os.Environ())
	if err != nil {
		return err
	}
	if changed := changedSettings(n.cfg, next); len(changed) > 0 {
		return fmt.Errorf("%s: a reload changes streams and credentials only: restart the node for the new value, or take it back", strings.Join(changed, ", "))
	}
	for _, warning := range next.Warnings {
		n.log.Warn("configuration", "warning", warning.String())
	}
	modules, err := delivery.ReadModules(ctx, openFunction, next.Streams)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, modules.Discard()) }()
	if n.tls != nil {
		if err := n.tls.Reload(); err != nil {
			return err
		}
	}
	if err := n.streams.configure(ctx, next.Streams); err != nil {
		return err
	}
	n.service.Use(modules)
	if n.guard != nil {
		n.guard.Set(next.Producers)
	}
	return nil
}

// changedSettings are the paths of the settings in which two configurations differ.
func changedSettings(a, b *Config) []string {
	var changed []string
	other := b.settings()
	for name, s := range a.settings() {
		if !s.value.Equal(other[name].value) {
			changed = append(changed, s.path)
		}
	}
	slices.Sort(changed)
	return changed
}

// Results of a reload, as metrics label them.
const (
	applied  = "applied"
	rejected = "rejected"
)

// reloads counts what became of them.
type reloads struct {
	total *prometheus.CounterVec
	last  prometheus.Gauge
}

func newReloads(r prometheus.Registerer) reloads {
	m := reloads{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hydrant_config_reloads_total",
			Help: "Reloads of the configuration file (SIGHUP), by result: applied or rejected.",
		}, []string{"result"}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "hydrant_config_last_reload_successful",
			Help: "0 after a reload that was rejected: the node runs on what the file said before. Else 1.",
		}),
	}
	r.MustRegister(m.total, m.last)
	m.total.WithLabelValues(applied)
	m.total.WithLabelValues(rejected)
	m.last.Set(1)
	return m
}

// reloadOnSignal reloads and tells what became of it.
func (n *node) reloadOnSignal(ctx context.Context, path string) {
	if err := n.reload(ctx, path); err != nil {
		n.reloads.total.WithLabelValues(rejected).Inc()
		n.reloads.last.Set(0)
		n.log.Error("the configuration is not reloaded: what was in force stays in force", "file", path, "error", err)
		return
	}
	n.reloads.total.WithLabelValues(applied).Inc()
	n.reloads.last.Set(1)
	n.log.Info("the configuration is reloaded", "file", path)
}
