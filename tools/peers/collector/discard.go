package main

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
)

// config is the discarding exporter's.
type config struct {
	Queue configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`
	Hold  bool                                                     `mapstructure:"hold"` // be away: the queue is not emptied
}

// newDiscard returns the factory of an exporter that throws away what its queue gives it: the cheapest destination that
// there can be.
func newDiscard() exporter.Factory {
	defaults := func() component.Config {
		return &config{Queue: configoptional.Some(exporterhelper.NewDefaultQueueConfig())}
	}
	return exporter.NewFactory(component.MustNewType("discard"), defaults, exporter.WithLogs(newLogs, component.StabilityLevelDevelopment))
}

func newLogs(ctx context.Context, settings exporter.Settings, c component.Config) (exporter.Logs, error) {
	given := c.(*config)
	push := func(context.Context, plog.Logs) error {
		if given.Hold {
			return errAway
		}
		return nil
	}
	again := configretry.NewDefaultBackOffConfig()
	again.InitialInterval, again.MaxInterval, again.MaxElapsedTime = time.Hour, time.Hour, 0 // never given up
	return exporterhelper.NewLogs(ctx, settings, c, push,
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{}), // none
		exporterhelper.WithRetry(again),
		exporterhelper.WithQueue(given.Queue))
}

var errAway = errors.New("the destination is away, for the whole measurement")
