package main

import (
	"context"
	"time"

	"hydrant/buffer/badgerlog"
	"hydrant/gateway"
)

// answered is what the gateway tells of requests; nothing where no traces are made, so that it costs nothing.
func (n *node) answered() func(*gateway.Answered) {
	if n.traces == nil {
		return nil
	}
	return n.traces.Request
}

// traced tells of groups, and passes them on to next.
func (n *node) traced(next func(badgerlog.Group)) func(badgerlog.Group) {
	if n.traces == nil {
		return next
	}
	return func(g badgerlog.Group) {
		n.traces.Group(g)
		next(g)
	}
}

// closeTraces gives the last spans a moment to reach the collector.
func (n *node) closeTraces() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := n.traces.Close(ctx); err != nil {
		n.log.Warn("traces are lost", "reason", err)
	}
}
