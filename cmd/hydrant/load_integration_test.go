//go:build integration

package main

import (
	"context"
	"errors"
	"testing"
	"time"
)

// backgroundLoad is a load generator that runs until the test has seen what it waits for, however long the machine takes.
type backgroundLoad struct {
	t         *testing.T
	interrupt context.CancelFunc
	ended     chan error
}

// startLoad sends records to a stream of the node, and waits until it has acknowledged more than all connections have under
// way at once: some client has an answer then, whatever happens next.
func startLoad(p *process, stream, ledger string, more ...string) *backgroundLoad {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	l := &backgroundLoad{t: p.t, interrupt: cancel, ended: make(chan error, 1)}
	arguments := append([]string{"bench", "--url", p.url, "--stream", stream, "--ledger", ledger, "--duration", "1h"}, more...)
	go func() {
		_, err := runHydrant(ctx, p.t, nil, arguments...)
		l.ended <- err
	}()
	p.eventually("records are acknowledged", func() bool { return p.metric("hydrant_incoming_records_total") > 1000 })
	return l
}

// goOn lets time pass under the load.
func (l *backgroundLoad) goOn(d time.Duration) {
	l.t.Helper()
	select {
	case <-time.After(d):
	case err := <-l.ended:
		l.t.Fatalf("the load ended early: %v", err)
	}
}

// stop interrupts the load and returns when the ledger has the outcome of every request, also where the node is gone.
func (l *backgroundLoad) stop() {
	l.t.Helper()
	l.interrupt()
	if err := <-l.ended; !errors.Is(err, context.Canceled) { // how a command ends that ends well after its interruption
		l.t.Fatalf("the load did not go on until it was stopped: %v", err)
	}
}
