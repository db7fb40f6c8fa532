package suite

import (
	"context"
	"fmt"
	"time"

	"hydrant/bench"
	"hydrant/bench/child"
	"hydrant/bench/machine"
)

// pipeline is the way from a POST to the store: its two halves alone, the bare compressor, and all of it at once.
type pipeline struct {
	codec string
	bare  bool // delivery beside the bare compressor has a target
}

func (r pipeline) name() string { return "pipeline-" + r.codec }

func (r pipeline) about() string {
	return fmt.Sprintf("%s, %s: ingest alone; the backlog of that delivered alone after a kill; the bare compressor; ingest and delivery "+
		"both in objects of 16 MiB, in a closed loop, where producers may outrun delivery, and together in steady state: in an open loop at "+
		"the mean of what came in and what was delivered then. The slower of the two counts. Modelled: all cores always at work, at the "+
		"cost of the parts", recordBatches, r.codec)
}

func (r pipeline) targets() []target {
	all := []target{{"together / the sum of the parts", 0.65, 0.8, false, func(s Sample) float64 {
		return ratio(s.of("together", megabytesPS), s.of("together", modelledMBPS))
	}}}
	alone := target{measure: "delivery alone / compressor on one core, MB/s", of: over(megabytesPS, "delivery", "compressor")}
	if r.bare {
		alone.target, alone.beyond = 0.85, 0.95
	}
	return append(all, alone, target{measure: "delivery alone / compressor on all cores, MB/s", of: func(s Sample) float64 {
		return ratio(s.of("delivery", megabytesPS), s.of("compressor", compressorMBP))
	}})
}

func (r pipeline) sample(ctx context.Context, b *bed) (s Sample, err error) {
	ingest, delivery, err := r.parts(ctx, b)
	if err != nil {
		return s, err
	}
	bare, err := b.bareCompressor(ctx, r.codec, recordBatches.in)
	if err != nil {
		return s, err
	}
	closed, together, err := r.together(ctx, b)
	if err != nil {
		return s, err
	}
	parts := 0.0 // CPU seconds for a GB
	for _, cost := range []float64{
		ingest.Figures[serverCPU], ingest.Figures[generatorCPU], delivery.Figures[serverCPU], delivery.Figures[storeCPU],
	} {
		parts += cost
	}
	together.Figures[modelledMBPS] = ratio(float64(machine.This().Cores)*1e3, parts)
	return Sample{Sides: []Side{ingest, delivery, bare, closed, together}}, nil
}

// parts measures ingest with delivery off, and then, after a kill, delivery of what came in, with no ingest.
func (r pipeline) parts(ctx context.Context, b *bed) (ingest, delivery Side, err error) {
	s, err := b.openSink(ctx)
	if err != nil {
		return ingest, delivery, err
	}
	defer s.close()
	n, err := b.startNode(ctx, setup{store: s, off: true, compression: r.codec})
	if err != nil {
		return ingest, delivery, err
	}
	defer n.close()
	if err = b.prepare(ctx, n, recordBatches); err != nil {
		return ingest, delivery, err
	}
	if ingest, err = b.measureNode(ctx, n, b.backlog(n, recordBatches)); err != nil {
		return ingest, delivery, err
	}
	ingest.Name = "ingest"
	n.Kill()
	delivery, err = b.drainBacklog(ctx, n, s, setup{store: s, compression: r.codec, size: "64MiB", interval: "1s"})
	return ingest, delivery, err
}

// backlog makes a load of as many records as the options' backlog has room for.
func (b *bed) backlog(n *node, l load) (o bench.Options) {
	o = b.to(n.url, l)
	o.Duration, o.Records = 0, max(1, b.options.backlog/int64(l.in.size))
	return o
}

// drainBacklog starts a node on what it holds, and measures until all of it is delivered. Time counts from its readiness.
func (b *bed) drainBacklog(ctx context.Context, n *node, s *store, with setup) (Side, error) {
	if err := b.again(ctx, n, with); err != nil {
		return Side{}, err
	}
	first, err := n.metrics(ctx)
	if err != nil {
		return Side{}, err
	}
	start, used, stored := time.Now(), n.watch.used(), s.used()
	last, err := n.awaitDelivered(ctx)
	if err != nil {
		return Side{}, err
	}
	seconds := time.Since(start).Seconds()
	if err := s.check(ctx, last["hydrant_accepted_records_total"]); err != nil {
		return Side{}, err
	}
	bytes := last.Since(first, "hydrant_delivered_bytes_total")
	side := Side{Name: "delivery", Figures: Figures{
		megabytesPS: bytes / 1e6 / seconds,
		serverCPU:   ratio(n.watch.used().since(used).cpu.Seconds(), bytes/1e9),
	}}
	s.cost(side.Figures, stored, bytes/1e9)
	n.watch.memory(side.Figures)
	return side, nil
}

// awaitDelivered waits until nothing is pending, and returns the metrics that say so. It looks ten times a second: a look
// costs the node a few milliseconds.
func (n *node) awaitDelivered(ctx context.Context) (last child.Metrics, err error) {
	var looked time.Time
	awaited := n.Await(ctx, "everything is delivered", func() bool {
		if time.Since(looked) < 100*time.Millisecond {
			return false
		}
		looked = time.Now()
		last, err = n.metrics(ctx)
		return err != nil || last["hydrant_accepted_records_total"] > 0 && last["hydrant_pending_records"] == 0
	})
	if awaited != nil {
		return nil, awaited
	}
	return last, err
}

// together measures ingest while delivery goes on: in a closed loop, and at a rate that delivery may keep up with.
func (r pipeline) together(ctx context.Context, b *bed) (closed, steady Side, err error) {
	s, err := b.openStore(ctx)
	if err != nil {
		return closed, steady, err
	}
	defer s.close()
	n, err := b.startNode(ctx, setup{store: s, compression: r.codec, size: b.options.object, interval: "2s"})
	if err != nil {
		return closed, steady, err
	}
	defer n.close()
	o := b.to(n.url, recordBatches)
	if closed, err = b.measureBoth(ctx, n, s, o); err != nil {
		return closed, steady, err
	}
	if _, err := n.awaitDelivered(ctx); err != nil {
		return closed, steady, err
	}
	o.Rate = (closed.Figures[megabytesPS] + closed.Figures[deliveredPS]) / 2 * 1e6 / float64(recordBatches.in.size)
	if steady, err = b.measureBoth(ctx, n, s, o); err != nil {
		return closed, steady, err
	}
	steady.Figures[megabytesPS] = min(steady.Figures[megabytesPS], steady.Figures[deliveredPS])
	closed.Name, steady.Name = "closed loop", "together"
	return closed, steady, nil
}

// measureBoth measures a load that is delivered meanwhile.
func (b *bed) measureBoth(ctx context.Context, n *node, s *store, o bench.Options) (Side, error) {
	if err := b.warm(ctx, n.server, o); err != nil {
		return Side{}, err
	}
	before, err := n.metrics(ctx)
	if err != nil {
		return Side{}, err
	}
	start, stored := time.Now(), s.used()
	side, err := b.measureNode(ctx, n, o)
	if err != nil {
		return Side{}, err
	}
	after, err := n.metrics(ctx)
	if err != nil {
		return Side{}, err
	}
	delivered := after.Since(before, "hydrant_delivered_bytes_total") / 1e6
	side.Figures[deliveredPS] = delivered / time.Since(start).Seconds()
	s.cost(side.Figures, stored, delivered/1e3)
	return side, nil
}
