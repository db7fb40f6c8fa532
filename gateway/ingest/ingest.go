// Package ingest is what every protocol of the gateway shares: limits, the budget of bytes in flight, the catalog of
// streams, the append to the buffer, errors and metrics. A protocol turns a body into records and an Error into its own
// envelope; everything that must hold for all of them is here.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/buffer"
	"hydrant/gateway/auth"
)

// Log is what ingest needs of buffer.Log.
type Log interface {
	Append(ctx context.Context, b buffer.Batch) (buffer.Receipt, error)
}

// Config is data; its zero value is usable.
type Config struct {
	Limits Limits
	// Poison overwrites each buffer as it goes back to the pool, so that a view kept too long reads nonsense at once.
	// It is for tests.
	Poison bool
}

// Deps are the live parts. Log and Catalog are required; without a Registerer the metrics are kept but not shown.
type Deps struct {
	Log        Log
	Catalog    *Catalog
	Registerer prometheus.Registerer
	Guard      *auth.Guard // asks for credentials; nil lets everyone do everything

	// Look brings streams into the catalog that other nodes have made; nil where there are no others.
	Look func(ctx context.Context) error
}

// Ingest admits requests and appends their records. Its methods may be called from many goroutines at once.
type Ingest struct {
	limits   Limits
	log      Log
	catalog  *Catalog
	metrics  *metrics
	guard    *auth.Guard
	look     func(ctx context.Context) error // nil where nobody else makes streams
	inFlight budget
	buffers  pool
	requests sync.Pool // of *Request
}

// New checks the limits and registers the metrics.
func New(config Config, deps Deps) (*Ingest, error) {
	limits, err := config.Limits.withDefaults()
	if err != nil {
		return nil, err
	}
	if deps.Log == nil || deps.Catalog == nil {
		return nil, errors.New("ingest: Deps.Log and Deps.Catalog are required")
	}
	in := &Ingest{
		limits:   limits,
		log:      deps.Log,
		catalog:  deps.Catalog,
		guard:    deps.Guard,
		look:     deps.Look,
		inFlight: budget{limit: limits.InFlight},
		buffers:  pool{poison: config.Poison},
	}
	in.requests.New = func() any { return &Request{ingest: in} }
	in.metrics, err = newMetrics(deps.Registerer, in.inFlight.inUse)
	if err != nil {
		return nil, fmt.Errorf("register the metrics of the gateway: %w", err)
	}
	forget := in.metrics.forget
	in.catalog.gone.Store(&forget)
	return in, nil
}

// Limits are the limits in force, defaults filled in.
func (in *Ingest) Limits() Limits { return in.limits }

// InFlight is how many bytes the requests being served have reserved.
func (in *Ingest) InFlight() int64 { return in.inFlight.used.Load() }

// Stream finds a stream that takes records, also one that another node has just made. Errors: StreamNotFound,
// StreamNotAccepting, KeyUnavailable, DefinitionsAway.
func (in *Ingest) Stream(ctx context.Context, name []byte) (*Stream, error) {
	stream, err := in.lookup(name)
	if err == nil || in.look == nil || AsError(err).Code == KeyUnavailable {
		return stream, err
	}
	if trouble := in.look(ctx); trouble != nil {
		return nil, definitionsAway(name, trouble)
	}
	return in.lookup(name)
}

func (in *Ingest) lookup(name []byte) (*Stream, error) {
	stream, ok := in.catalog.Lookup(name)
	if !ok {
		return nil, streamNotFound(name)
	}
	if !stream.Accepting {
		return nil, streamNotAccepting(stream.Name)
	}
	if stream.Locked != nil {
		return nil, NoDataKey(stream.Name, stream.Locked)
	}
	return stream, nil
}

// Append makes the request's records durable, or finds that they are, by the request's key. It refuses a batch that breaks
// a limit as a whole, and returns only when the log no longer uses the records. The receipt counts fewer than all records
// only where the request may be cut.
//
// Errors: AccessDenied, EmptyBody, TooManyRecords, RecordTooLarge, StreamNotFound, StreamNotAccepting, KeyReused,
// QuotaExceeded, BufferFull, KeyUnavailable, ShuttingDown; nothing was stored then. After Internal the outcome is unknown.
func (in *Ingest) Append(ctx context.Context, stream *Stream, req *Request) (buffer.Receipt, error) {
	req.Outcome.Stream = stream.Name
	if err := req.permitted(stream); err != nil {
		return buffer.Receipt{}, err
	}
	if err := in.check(req.Records); err != nil {
		return buffer.Receipt{}, err
	}
	if stream.JSON {
		if err := validJSON(req.Records); err != nil {
			return buffer.Receipt{}, err
		}
	}
	if !stream.gate.enter() {
		return buffer.Receipt{}, streamNotAccepting(stream.Name)
	}
	defer stream.gate.leave()
	n, err := in.within(stream, req)
	if err != nil {
		return buffer.Receipt{}, err
	}
	req.Key.Principal = req.Principal()
	requestAdmitted.Reach()
	receipt, err := in.log.Append(ctx, buffer.Batch{
		Stream:  stream.ID,
		Records: req.Records[:n],
		Key:     req.Key.of(stream.ID, req.Records),
	})
	if err != nil {
		return buffer.Receipt{}, in.appendError(stream, n, err)
	}
	req.Outcome.Receipt = receipt
	requestAppended.Reach()
	if receipt.Duplicate {
		in.metrics.duplicates.WithLabelValues(stream.Name).Inc()
		return receipt, nil
	}
	in.metrics.accepted(stream, req.Records[:n], time.Since(req.started))
	if req.Replayed {
		in.metrics.replayed.WithLabelValues(stream.Name).Add(float64(n))
	}
	return receipt, nil
}

// CountRefusal counts a request that was answered with an error.
func (in *Ingest) CountRefusal(code Code) { in.metrics.refused.WithLabelValues(string(code)).Inc() }

func (in *Ingest) check(records [][]byte) error {
	if len(records) == 0 {
		return NoRecords()
	}
	if n := int64(len(records)); n > in.limits.Records {
		return TooMany(in.limits.Records, n)
	}
	for i, record := range records {
		if n := int64(len(record)); n > in.limits.Record {
			return recordTooLarge(i+1, in.limits.Record, n)
		}
	}
	return nil
}

func (in *Ingest) appendError(stream *Stream, records int, err error) error {
	var full *buffer.FullError
	var locked *buffer.DataKeyError
	switch {
	case errors.As(err, &locked):
		return NoDataKey(stream.Name, locked)
	case errors.As(err, &full):
		in.metrics.throttled.WithLabelValues(stream.Name).Add(float64(records))
		return bufferFull(full)
	case errors.Is(err, buffer.ErrUnknownStream):
		return streamNotFound([]byte(stream.Name))
	case errors.Is(err, buffer.ErrKeyReused):
		return keyReused(stream.Name)
	case errors.Is(err, buffer.ErrClosed):
		return ShutDown()
	}
	return internal(fmt.Errorf("append %d records to stream %s: %w", records, stream.Name, err))
}
