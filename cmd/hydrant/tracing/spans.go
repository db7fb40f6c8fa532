package tracing

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"hydrant/buffer/badgerlog"
	"hydrant/delivery"
	"hydrant/gateway"
)

// Request makes the span of a request that has been answered, in the trace that its sender names.
func (t *Tracer) Request(r *gateway.Answered) {
	if t == nil || len(r.Traceparent) == 0 && !t.wants(&t.requests) {
		return
	}
	ctx := context.Background()
	if len(r.Traceparent) > 0 {
		ctx = propagation.TraceContext{}.Extract(ctx, carrier{r})
	}
	_, span := t.tracer.Start(ctx, requestName(r), trace.WithTimestamp(r.Started), trace.WithSpanKind(trace.SpanKindServer))
	defer span.End()
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(
		attribute.String("http.request.method", string(r.Method)), attribute.Int("http.response.status_code", r.Status),
		attribute.Int64("http.request.body.size", r.Received))
	if r.Operation != nil {
		span.SetAttributes(attribute.String("rpc.method", valid(string(r.Operation))))
	}
	if r.Stream != "" {
		span.SetAttributes(attribute.String("hydrant.stream", r.Stream))
	}
	if n := r.Receipt.Count; n > 0 {
		span.SetAttributes(
			attribute.Int("hydrant.records", n), attribute.Int64("hydrant.lane", int64(r.Receipt.Lane)),
			attribute.Int64("hydrant.sequence.first", int64(r.Receipt.First)),
			attribute.Int64("hydrant.sequence.last", int64(r.Receipt.First)+int64(n)-1), attribute.Bool("hydrant.duplicate", r.Receipt.Duplicate))
	}
	if r.Refused != "" {
		span.SetAttributes(attribute.String("error.type", string(r.Refused)))
	}
	if r.Status >= 500 {
		span.SetStatus(codes.Error, string(r.Refused))
	}
}

// requestName has few values, whatever clients send.
func requestName(r *gateway.Answered) string {
	switch {
	case r.Operation != nil:
		return "POST /"
	case r.Stream != "":
		return "POST /v1/streams/{stream}/records"
	}
	return "HTTP"
}

// carrier shows the W3C headers of a request.
type carrier struct{ request *gateway.Answered }

// Get implements propagation.TextMapCarrier.
func (c carrier) Get(key string) string {
	switch key {
	case "traceparent":
		return string(c.request.Traceparent)
	case "tracestate":
		return string(c.request.Tracestate)
	}
	return ""
}

// Set implements propagation.TextMapCarrier; nothing is ever sent on.
func (carrier) Set(string, string) {}

// Keys implements propagation.TextMapCarrier.
func (carrier) Keys() []string { return []string{"traceparent", "tracestate"} }

// valid is text as protobuf takes it: a single byte that is not would lose all spans that are sent with it.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// Group makes the span of a group that has just been synced.
func (t *Tracer) Group(g badgerlog.Group) {
	if t == nil || !t.wants(&t.groups) {
		return
	}
	end := time.Now()
	_, span := t.tracer.Start(context.Background(), "group", trace.WithTimestamp(end.Add(-g.Sync)))
	if span.IsRecording() {
		span.SetAttributes(attribute.Int("hydrant.records", g.Records), attribute.Int64("hydrant.bytes", g.Bytes), attribute.Int64("hydrant.stored_bytes", g.Stored))
	}
	span.End(trace.WithTimestamp(end))
}

// Sealed begins the span of an object, at the arrival of its oldest record.
func (t *Tracer) Sealed(o delivery.ObjectNews) {
	if t == nil || !t.wants(&t.objects) {
		return
	}
	_, span := t.tracer.Start(context.Background(), "object", trace.WithTimestamp(o.Arrival))
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(
		attribute.String("hydrant.stream", o.Stream), attribute.Int64("hydrant.lane", int64(o.Lane)), attribute.String("hydrant.object.key", valid(o.Key)),
		attribute.String("hydrant.object.reason", o.Reason), attribute.Int64("hydrant.records", o.Outputs), attribute.Int64("hydrant.bytes", o.Bytes),
		attribute.Int64("hydrant.stored_bytes", o.Stored), attribute.Int64("hydrant.sequence.after", int64(o.From)),
		attribute.Int64("hydrant.sequence.last", int64(o.To)), attribute.Bool("hydrant.backup", o.Backup))
	if o.Failure != "" {
		span.SetAttributes(attribute.String("hydrant.error_output", o.Failure))
	}
	span.AddEvent("sealed")
	t.follow(placeOf(o), span)
}

func placeOf(o delivery.ObjectNews) place { return place{o.Stream, o.Key, o.Backup} }

func (t *Tracer) follow(p place, span trace.Span) {
	t.mu.Lock()
	full := len(t.sending) >= maxSending
	t.mu.Unlock()
	if full { // of lanes that ended, mostly
		t.giveUp()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sending[p] = span
}

// Uploaded makes the span of an attempt to upload an object that is followed.
func (t *Tracer) Uploaded(u delivery.UploadNews) {
	if t == nil {
		return
	}
	t.mu.Lock()
	object := t.sending[place{u.Stream, u.Key, u.Backup}]
	t.mu.Unlock()
	if object == nil {
		return
	}
	ctx := trace.ContextWithSpan(context.Background(), object)
	_, span := t.tracer.Start(ctx, "upload", trace.WithTimestamp(u.Started), trace.WithSpanKind(trace.SpanKindClient))
	span.SetAttributes(attribute.Int("hydrant.attempt", u.Attempt))
	if u.Err != nil {
		span.SetStatus(codes.Error, valid(u.Err.Error()))
		if known := (*delivery.Error)(nil); errors.As(u.Err, &known) {
			span.SetAttributes(attribute.String("error.type", known.Class.String()))
		}
	}
	span.End()
}

// Delivered ends the span of an object.
func (t *Tracer) Delivered(o delivery.ObjectNews) {
	if t == nil {
		return
	}
	t.mu.Lock()
	span := t.sending[placeOf(o)]
	delete(t.sending, placeOf(o))
	t.mu.Unlock()
	if span != nil {
		span.End()
	}
}
