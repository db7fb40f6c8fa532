package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/buffer"
)

func TestStream(t *testing.T) {
	catalog := new(Catalog)
	catalog.Set([]Stream{{Name: "open", Accepting: true}, {Name: "closing"}})
	in := newIngest(t, Limits{}, Deps{Catalog: catalog})
	if s, err := in.Stream(t.Context(), []byte("open")); err != nil || s.Name != "open" {
		t.Errorf("got %+v, error %v, want open", s, err)
	}
	_, err := in.Stream(t.Context(), []byte("closing"))
	wantError(t, err, Error{Code: StreamNotAccepting})
	_, err = in.Stream(t.Context(), []byte("none"))
	wantError(t, err, Error{Code: StreamNotFound})
}

func TestAppendRefusesWhatBreaksALimit(t *testing.T) {
	log := &fakeLog{}
	in := newIngest(t, Limits{Record: 4, Records: 2}, Deps{Log: log})
	for _, c := range []struct {
		records []string
		want    Error
	}{
		{nil, Error{Code: EmptyBody}},
		{[]string{"a", "b", "c"}, Error{Code: TooManyRecords, Limit: 2, Size: 3}},
		{[]string{"four", "fives"}, Error{Code: RecordTooLarge, Limit: 4, Size: 5}},
	} {
		_, err := appendRecords(in, c.records...)
		wantError(t, err, c.want)
	}
	if len(log.batches) != 0 {
		t.Errorf("refused batches reached the log: %v", log.batches)
	}
	if _, err := appendRecords(in, "four", ""); err != nil {
		t.Errorf("a batch at the limits: got error %v", err)
	}
}

func TestAppendTranslatesTheLogsErrors(t *testing.T) {
	full := &buffer.FullError{Used: 9, Limit: 10, Reason: "max_disk"}
	for _, c := range []struct {
		err       error
		want      Error
		retryable bool
	}{
		{full, Error{Code: BufferFull, Limit: 10, Size: 9}, true},
		{fmt.Errorf("wrapped: %w", full), Error{Code: BufferFull, Limit: 10, Size: 9}, true},
		{buffer.ErrUnknownStream, Error{Code: StreamNotFound}, false},
		{buffer.ErrClosed, Error{Code: ShuttingDown}, true},
		{io.ErrShortWrite, Error{Code: Internal}, false},
		{context.Canceled, Error{Code: Internal}, false},
	} {
		in := newIngest(t, Limits{}, Deps{Log: &fakeLog{err: c.err}})
		_, err := appendRecords(in, "a")
		wantError(t, err, c.want)
		if got := AsError(err).RetryAfter > 0; got != c.retryable {
			t.Errorf("%v: has a Retry-After: got %v, want %v", c.err, got, c.retryable)
		}
	}
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	log := &fakeLog{}
	in := newIngest(t, Limits{}, Deps{Log: log, Registerer: registry})
	if got := metric(t, registry, "hydrant_refused_requests_total"); got != 0 {
		t.Errorf("a node that refused nothing counts %v refusals", got)
	}
	for _, err := range []error{nil, &buffer.FullError{}, io.ErrShortWrite} {
		log.err = err
		_, _ = appendRecords(in, "one", "three")
	}
	in.CountRefusal(BodyTooLarge)
	for name, want := range map[string]float64{
		"hydrant_incoming_records_total":  2,
		"hydrant_incoming_bytes_total":    8,
		"hydrant_throttled_records_total": 2,
		"hydrant_refused_requests_total":  1,
		"hydrant_in_flight_bytes":         0,
		"hydrant_ack_seconds":             1,
	} {
		if got := metric(t, registry, name); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if _, err := New(Config{}, Deps{Log: log, Catalog: new(Catalog), Registerer: registry}); err == nil {
		t.Error("metrics were registered twice without an error")
	}
}

func TestEveryCodeHasAStatus(t *testing.T) {
	for code, c := range Codes {
		if c.Status < 400 || c.Status > 599 || c.Meaning == "" {
			t.Errorf("%s: got status %d, want an error's, and a meaning", code, c.Status)
		}
	}
	if got := AsError(errors.New("anything")).Code; got != Internal {
		t.Errorf("an unknown error: got %s, want %s", got, Internal)
	}
}

// A stream that is gone is gone from the metrics; one that takes no more records is not.
func TestMetricsOfAStreamThatIsGone(t *testing.T) {
	registry, catalog := prometheus.NewRegistry(), new(Catalog)
	in := newIngest(t, Limits{}, Deps{Log: &fakeLog{}, Catalog: catalog, Registerer: registry})
	clicks := Stream{ID: buffer.NewStreamID(), Name: "clicks", Accepting: true}
	series := func() (n int) {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if strings.HasPrefix(family.GetName(), "hydrant_incoming_") {
				n += len(family.GetMetric())
			}
		}
		return n
	}
	catalog.Set([]Stream{clicks})
	if _, err := appendRecords(in, "one"); err != nil {
		t.Fatal(err)
	}
	clicks.Accepting = false
	catalog.Set([]Stream{clicks})
	if n := series(); n != 2 {
		t.Errorf("of a stream that drains there are %d series, want 2", n)
	}
	catalog.Set(nil)
	if n := series(); n != 0 {
		t.Errorf("of a stream that is gone there are %d series", n)
	}

	// A request that was appending when it went is still answered.
	clicks.Accepting = true
	catalog.Set([]Stream{clicks})
	found, err := in.Stream(t.Context(), []byte("clicks"))
	if err != nil {
		t.Fatal(err)
	}
	in.log = appendFunc(func() { catalog.Set(nil) })
	if _, err := in.Append(t.Context(), found, &Request{ingest: in, Records: [][]byte{[]byte("two")}}); err != nil {
		t.Fatal(err)
	}
	if n := series(); n != 0 {
		t.Errorf("of a stream that went while a request was appending there are %d series", n)
	}
}

// appendFunc is a log that takes everything, and calls the function meanwhile.
type appendFunc func()

func (f appendFunc) Append(_ context.Context, b buffer.Batch) (buffer.Receipt, error) {
	f()
	return buffer.Receipt{First: 1, Count: len(b.Records)}, nil
}

func appendRecords(in *Ingest, records ...string) (buffer.Receipt, error) {
	req := in.Begin(nil, 0)
	defer req.End()
	for _, r := range records {
		req.Records = append(req.Records, []byte(r))
	}
	return in.Append(context.Background(), &Stream{Name: "clicks", gate: new(gate), series: new(series)}, req)
}

// metric sums a metric over its labels; of a histogram it is the count.
func metric(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		var sum float64
		for _, m := range family.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
		return sum
	}
	t.Errorf("there is no metric %s", name)
	return 0
}
