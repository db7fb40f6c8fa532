package delivery

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"hydrant/buffer"
)

// commit makes a change durable. A full buffer has stored nothing of it, and other lanes make room: it is tried again.
func (l *lane) commit(ctx context.Context, c buffer.Change) error {
	return commit(ctx, l.in, l.log, c)
}

func commit(ctx context.Context, in buffer.Lane, log *slog.Logger, c buffer.Change) error {
	for {
		err := in.Commit(ctx, c)
		var full *buffer.FullError
		var locked *buffer.DataKeyError
		switch {
		case errors.As(err, &full):
			log.Warn("the buffer has no room even for state; trying again", "reason", full)
		case errors.As(err, &locked):
			log.Warn("the buffer cannot encrypt what the function made; trying again", "reason", locked)
		default:
			return err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
