// Package tracing sends spans of requests, groups, objects and uploads to an OpenTelemetry collector, by OTLP over HTTP. It is
// told of them when they are over, from what the node knows anyway: nothing is done per record, and nothing at all where
// tracing is off. OpenTelemetry's own variables say where to and how much.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Tracer makes spans. A nil one makes none. Its methods may be called from many goroutines at once, and do not wait.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	chosen   bool // OTEL_TRACES_SAMPLER says what is sampled, not the limits below

	requests, groups, objects limit

	mu      sync.Mutex
	sending map[place]trace.Span // of sealed objects
}

// place tells an object from others.
type place struct {
	stream, key string
	backup      bool
}

// maxSending bounds the objects that are followed at once.
const maxSending = 4096

// Open returns nil where the environment asks for no traces. What the node is called is told with every span.
func Open(ctx context.Context, node, version string, log *slog.Logger) (*Tracer, error) {
	if !wanted() {
		return nil, nil
	}
	if err := checkProtocol(); err != nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "hydrant"), attribute.String("service.version", version), attribute.String("service.instance.id", node)),
		resource.WithHost(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces are lost", "reason", err) }))
	t := &Tracer{
		provider: sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about)),
		chosen:   os.Getenv("OTEL_TRACES_SAMPLER") != "",
		sending:  map[place]trace.Span{},
	}
	t.tracer = t.provider.Tracer("hydrant", trace.WithInstrumentationVersion(version))
	return t, nil
}

// wanted reports whether there is somewhere to send traces to.
func wanted() bool {
	return (os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "") &&
		!strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") && os.Getenv("OTEL_TRACES_EXPORTER") != "none"
}

// checkProtocol refuses what the exporter would silently not do.
func checkProtocol() error {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if v := os.Getenv(name); v != "" {
			if v != "http/protobuf" {
				return fmt.Errorf("%s is %q: traces are sent as http/protobuf only, mostly to port 4318 of a collector", name, v)
			}
			return nil
		}
	}
	return nil
}

// Close sends what is left, for as long as ctx allows.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	t.giveUp()
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}

// giveUp ends the spans of objects that are not delivered.
func (t *Tracer) giveUp() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, span := range t.sending {
		span.AddEvent("not delivered yet")
		span.End()
	}
	clear(t.sending)
}

// wants reports whether a span of its own trace shall be made.
func (t *Tracer) wants(l *limit) bool { return t.chosen || l.take(time.Now()) }
