package main

import (
	"context"
	"errors"
	"time"
)

// stop ends the node within about the grace period. What is not delivered by then waits on disk for the next start.
func (n *node) stop(grace time.Duration) error {
	n.stopping.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), max(grace, time.Second))
	defer cancel()
	var errs []error
	if n.replays != nil {
		n.replays.end()
	}
	if n.gateway != nil {
		errs = append(errs, n.gateway.Shutdown(ctx))
	}
	if grace > 0 {
		n.drain(ctx)
	}
	n.cancel()
	n.delivering.Wait()
	errs = append(errs, n.scratch.Close(), n.buffer.Close())
	n.closeTraces()
	close(n.ended)
	if n.closeConsole != nil {
		n.closeConsole() // who looks on is let go
	}
	errs = append(errs, n.closeAdmin())
	n.running.Wait()
	return errors.Join(errs...)
}

// closeAdmin comes last. Whoever looks on, at a live page or a long profile, is cut off after a second: that is no failure.
func (n *node) closeAdmin() error {
	if n.admin == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := n.admin.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func (n *node) drain(ctx context.Context) {
	done := make(chan error, 1)
	go func() { done <- n.service.Drain(ctx, n.buffer) }()
	err := watchDrain(done, func() { n.log.Info("delivering what is buffered", "records", n.pending()) })
	if err != nil {
		reason := err.Error()
		if errors.Is(err, context.DeadlineExceeded) {
			reason = "the time of --grace is over"
		}
		n.log.Warn("not everything was delivered; the rest is safe in the buffer and goes out after the next start", "records", n.pending(), "reason", reason)
		return
	}
	n.log.Info("everything is delivered")
}
