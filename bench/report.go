package bench

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
)

// ErrNothingAcked says that a run proved nothing: the gateway took no record.
var ErrNothingAcked = errors.New("no record was acknowledged")

// Report is what a run did and measured. Megabytes are 10^6 bytes of records, without line feeds and envelopes.
type Report struct {
	Run   string `json:"run"`
	Setup Setup  `json:"setup"`

	// The whole run, with its warm-up: what the ledger says too.
	Requests int64     `json:"requests"`
	Acked    int64     `json:"acked_records"`
	Refused  int64     `json:"refused_records"`
	Unknown  int64     `json:"unknown_records"`
	Failures []Failure `json:"failures"` // the most frequent first

	Measured Measured `json:"measured"`
	Machine  Machine  `json:"machine"`
	Series   Series   `json:"series"`
}

// Setup is the load that was asked for.
type Setup struct {
	API         string   `json:"api"`
	URL         []string `json:"url"`
	Stream      string   `json:"stream"`
	Body        string   `json:"body"`
	Encoding    string   `json:"encoding"`
	Batch       int      `json:"batch"`
	Size        int      `json:"size_bytes"`
	MaxSize     int      `json:"max_size_bytes"`
	Keys        int      `json:"keys"`
	Skew        float64  `json:"skew"`
	Input       []string `json:"input"` // the sizes mean nothing with one
	Connections int      `json:"connections"`
	Rate        float64  `json:"rate_records_per_second"` // 0 means a closed loop
	Warmup      float64  `json:"warmup_seconds"`
}

// Failure counts the records that were not acknowledged for one reason.
type Failure struct {
	Kind    string `json:"kind"`    // a status with the API's code, or what happened to the connection
	Outcome string `json:"outcome"` // refused or unknown
	Records int64  `json:"records"`
	Example string `json:"example,omitempty"` // the first one's message
}

// Measured is what was measured after the warm-up. Rates are of acknowledged records, from the end of the warm-up to the
// last answer.
type Measured struct {
	Seconds    float64 `json:"seconds"`
	Requests   int64   `json:"requests"`
	Records    int64   `json:"records"`
	Megabytes  float64 `json:"megabytes"`
	RequestsPS float64 `json:"requests_per_second"`
	RecordsPS  float64 `json:"records_per_second"`
	MBPS       float64 `json:"megabytes_per_second"`
	Latency    Latency `json:"latency_ms"`

	Behind    float64 `json:"behind_ms"`       // open loop: how late a request left at worst
	Unsent    int64   `json:"unsent_requests"` // open loop: due, but not sent because no connection became free
	Processor float64 `json:"cpu_seconds"`     // of this process
}

// Latency is that of acknowledged requests in milliseconds: from the intended time in an open loop, else from the
// sending. Timeouts are not in it: they are counted as failures.
type Latency struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99_9"`
	Max  float64 `json:"max"`
}

// report sums up when all producers have ended.
func (l *load) report(stopped time.Time) *Report {
	total := l.meter.soFar()
	o := l.options
	return &Report{
		Run: l.id,
		Setup: Setup{
			API: o.API, URL: o.URL, Stream: o.Stream, Body: o.Body, Encoding: o.Encoding, Batch: o.Batch, Size: o.Size,
			MaxSize: max(o.Size, o.MaxSize), Keys: o.Keys, Skew: o.Skew, Input: append([]string{}, o.Input...),
			Connections: o.Connections, Rate: o.Rate, Warmup: o.Warmup.Seconds(),
		},
		Requests: total.requests,
		Acked:    total.records[acked],
		Refused:  total.records[refused],
		Unknown:  total.records[unknown],
		Failures: sortFailures(l.meter.failures),
		Measured: l.measure(stopped),
		Machine:  thisMachine(),
		Series:   l.meter.timeline.series(l.meter.answered),
	}
}

func (l *load) measure(stopped time.Time) Measured {
	meter := l.meter
	seconds := max(meter.answered.Sub(meter.measured).Seconds(), 1e-9) // no rate is infinite
	megabytes := float64(meter.bytes) / 1e6
	at := func(percentile float64) float64 { return float64(meter.latency.ValueAtPercentile(percentile)) / 1e3 }
	return Measured{
		Seconds:    seconds,
		Requests:   meter.requests,
		Records:    meter.records,
		Megabytes:  megabytes,
		RequestsPS: float64(meter.requests) / seconds,
		RecordsPS:  float64(meter.records) / seconds,
		MBPS:       megabytes / seconds,
		Latency:    Latency{P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: at(100)},
		Behind:     float64(l.schedule.behind.Load()) / 1e6,
		Unsent:     l.schedule.unsent(stopped),
		Processor:  (processorTime() - l.cpu).Seconds(),
	}
}

func sortFailures(byKind map[string]*Failure) []Failure {
	failures := []Failure{}
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		failures = append(failures, *byKind[kind])
	}
	slices.SortStableFunc(failures, func(a, b Failure) int { return cmp.Compare(b.Records, a.Records) })
	return failures
}

// WriteJSON writes the report as one indented JSON object.
func (r *Report) WriteJSON(w io.Writer) error { return writeJSON(w, r) }

func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// contents says what the records are made of.
func (s Setup) contents() string {
	switch {
	case len(s.Input) > 0:
		return "records of " + strings.Join(s.Input, " ")
	case s.MaxSize > s.Size:
		return humanize.Comma(int64(s.Size)) + " to " + humanize.Comma(int64(s.MaxSize)) + " B records"
	}
	return humanize.Comma(int64(s.Size)) + " B records"
}

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(table, name+"\t"+format+"\n", args...) // Flush tells of errors
	}
	s, m := r.Setup, r.Measured
	loop := "closed loop"
	if s.Rate > 0 {
		loop = fmt.Sprintf("open loop at %s records/s", humanize.Commaf(s.Rate))
	}
	line("run", "%s", r.Run)
	line("load", "%s API, %s, stream %s", s.API, strings.Join(s.URL, " "), s.Stream)
	line("", "%d connections, batch %d, %s, %d keys, %s", s.Connections, s.Batch, s.contents(), s.Keys, loop)
	line("outcomes", "acked %s, refused %s, unknown %s records in %s requests",
		humanize.Comma(r.Acked), humanize.Comma(r.Refused), humanize.Comma(r.Unknown), humanize.Comma(r.Requests))
	for _, f := range r.Failures {
		line("", "%s %s: %s (%s)", f.Outcome, humanize.Comma(f.Records), f.Kind, f.Example)
	}
	line("measured", "%s requests, %s acked records, %.1f MB in %.2f s",
		humanize.Comma(m.Requests), humanize.Comma(m.Records), m.Megabytes, m.Seconds)
	line("rates", "%s req/s, %s records/s, %.1f MB/s",
		humanize.Comma(int64(m.RequestsPS)), humanize.Comma(int64(m.RecordsPS)), m.MBPS)
	line("latency", "p50 %.2f ms, p90 %.2f ms, p99 %.2f ms, p99.9 %.2f ms, max %.2f ms",
		m.Latency.P50, m.Latency.P90, m.Latency.P99, m.Latency.P999, m.Latency.Max)
	if s.Rate > 0 {
		line("schedule", "at most %.2f ms behind, %s requests due but not sent", m.Behind, humanize.Comma(m.Unsent))
	}
	if m.Records > 0 {
		line("generator", "%.2f CPU s, %.2f CPU s/GB", m.Processor, m.Processor*1e3/m.Megabytes)
	}
	line("machine", "%d cores, %s, %s", r.Machine.Cores, r.Machine.Go, r.Machine.OS)
	return table.Flush()
}
