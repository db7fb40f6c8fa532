package suite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"hydrant/bench"
)

// bed is what rows are measured in: a directory on the disk to measure, and what all rows need.
type bed struct {
	options Options
	program string // Hydrant's: floors, stores and nodes are processes of it
	dir     string // of this run; removed at its end
}

// newBed makes a directory and the inputs in it. The caller closes the bed.
func newBed(o Options) (*bed, error) {
	program, err := o.program()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(o.Dir, "hydrant-suite-")
	if err != nil {
		return nil, fmt.Errorf("dir: %w", err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	b := &bed{options: o, program: program, dir: dir}
	for _, in := range inputs {
		if err := os.WriteFile(b.input(in), in.generate(b.options.inputBytes()), 0o600); err != nil {
			return nil, fmt.Errorf("write the records to send: %w (%v)", err, b.close())
		}
	}
	return b, nil
}

func (o *Options) program() (string, error) {
	if o.Program != "" {
		return filepath.Abs(o.Program)
	}
	return os.Executable()
}

func (b *bed) input(in input) string { return filepath.Join(b.dir, in.name) }

func (b *bed) close() error { return os.RemoveAll(b.dir) }

// load is what the generator sends.
type load struct {
	api         string
	body        string // form of a native body
	batch       int
	connections int
	in          input
	keys        int // 0: the generator's default
	bytes       int // of a record that the generator makes up; 0: those of in
}

// The loads of the figures that others publish.
var (
	batches       = load{api: bench.Native, body: bench.NDJSON, batch: 500, connections: 8, in: lines1K}
	recordBatches = load{api: bench.Firehose, body: bench.Auto, batch: 500, connections: 8, in: lines1K}
	singles       = load{api: bench.Native, body: bench.JSON, batch: 1, connections: 64, in: lines512}
)

func (l load) with(in input) load { l.in = in; return l }

func (l load) spread(keys int) load { l.keys = keys; return l }

// to are the generator's options for a load on a server, for as long as the suite's options say.
func (b *bed) to(url string, l load) bench.Options {
	o := bench.DefaultOptions()
	o.URL, o.Stream, o.API, o.Body = []string{url}, streamName, l.api, l.body
	o.Batch, o.Connections, o.Input = l.batch, l.connections, []string{b.input(l.in)}
	if l.bytes > 0 {
		o.Size, o.Input = l.bytes, nil
	}
	if l.keys > 0 {
		o.Keys = l.keys
	}
	o.Duration = b.options.Duration
	return o
}

// server is what a load is sent to.
type server struct {
	*process
	// count is how many records the server itself has counted.
	count func(ctx context.Context) (float64, error)
}

// send makes a load and wants all of it acknowledged, by this server.
func (b *bed) send(ctx context.Context, s server, o bench.Options) (*bench.Report, error) {
	report, _, err := b.sendMetered(ctx, s, o)
	return report, err
}

// sendMetered also returns what the server used for the load, less what it costs to ask it for its count.
func (b *bed) sendMetered(ctx context.Context, s server, o bench.Options) (*bench.Report, usage, error) {
	before, err := s.count(ctx)
	if err != nil {
		return nil, usage{}, err
	}
	used := s.watch.used()
	report, err := bench.Run(ctx, o, nil)
	used = s.watch.used().since(used)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, usage{}, fmt.Errorf("load on %s: %w", s.Name, err)
	}
	after, err := s.count(ctx)
	if err != nil {
		return nil, usage{}, err
	}
	return report, used, checkReport(s.Name, report, after-before)
}

// checkReport refuses what is no measurement.
func checkReport(name string, r *bench.Report, counted float64) error {
	switch {
	case len(r.Failures) > 0:
		f := r.Failures[0]
		return fmt.Errorf("%s: %d records were not acknowledged: %s, %s (%s)", name, r.Refused+r.Unknown, f.Outcome, f.Kind, f.Example)
	case r.Measured.Records == 0:
		return fmt.Errorf("%s: no record was acknowledged", name)
	case counted < float64(r.Acked):
		return fmt.Errorf("%s: %d records were acknowledged, but the server counted %.0f: something else answered", name, r.Acked, counted)
	}
	return nil
}

// warm sends the load without measuring.
func (b *bed) warm(ctx context.Context, s server, o bench.Options) error {
	o.Duration, o.Records = b.options.Warmup, 0
	_, err := b.send(ctx, s, o)
	return err
}

// measure makes a load and returns it as a side: rates, latencies, and the processor time of both ends.
func (b *bed) measure(ctx context.Context, s server, o bench.Options) (Side, *bench.Report, error) {
	report, used, err := b.sendMetered(ctx, s, o)
	if err != nil {
		return Side{}, nil, err
	}
	m := report.Measured
	gigabytes := m.Megabytes / 1e3
	f := Figures{
		megabytesPS: m.MBPS, requestsPS: m.RequestsPS,
		ackP50: m.Latency.P50, ackP99: m.Latency.P99, ackP999: m.Latency.P999,
		serverCPU: used.cpu.Seconds() / gigabytes, generatorCPU: m.Processor / gigabytes,
	}
	if o.Rate > 0 {
		f[unsentShare] = ratio(float64(m.Unsent), float64(m.Requests+m.Unsent))
	}
	s.watch.memory(f)
	return Side{Name: s.Name, Figures: f, Series: &report.Series}, report, nil
}
