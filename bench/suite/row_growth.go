package suite

import (
	"context"
	"fmt"

	"github.com/dustin/go-humanize"

	"hydrant/bench"
)

// growth measures one thing at several sizes. What it costs should grow no faster than the work does.
type growth struct {
	label string
	what  string // of which there are more and more
	text  string
	sizes []int
	quick []int
	cost  target // of the last size, in units of the first
	at    func(b *bed, ctx context.Context, size int) (Side, error)
}

// growthPrefix is what the names of the rows of what grows begin with.
const growthPrefix = "growth-"

// growths are the rows of what grows.
func growths() []row {
	return []row{
		growth{
			label: growthPrefix + "streams", what: "streams", sizes: []int{1, 10, 1000, 10_000}, quick: []int{1, 20},
			text: fmt.Sprintf("%s, to one stream of so many that are configured, delivery off", batches),
			cost: grown(serverCPU), at: (*bed).growStreams,
		},
		growth{
			label: growthPrefix + "partitions", what: "partitions", sizes: []int{1, 10, 100, 1000, 10_000}, quick: []int{1, 20},
			text: fmt.Sprintf("%s, gzip, objects of 64 MiB, by one key of so many values, until every record lies in the store", batches),
			cost: grown(serverCPU), at: (*bed).growPartitions,
		},
		growth{
			label: growthPrefix + "records", what: "B a record", sizes: []int{100, 1 << 10, 100 << 10, 999 << 10}, quick: []int{100, 1 << 10},
			text: "native API, ndjson, 8 connections, requests of about 500 KiB or one record, records of so many bytes, delivery off",
			cost: grown(serverCPU), at: (*bed).growRecords,
		},
		growth{
			label: growthPrefix + "connections", what: "connections", sizes: []int{1, 8, 64, 512, 4000}, quick: []int{1, 16},
			text: "native API, json, 1 x 512 B in a request, delivery off, from so many connections at once",
			cost: grown(serverCPU), at: (*bed).growConnections,
		},
		growth{
			label: growthPrefix + "backlog", what: "times the backlog", sizes: []int{0, 1, 4, 16, 40}, quick: []int{0, 1},
			text: "from the start of the process, after a kill, to its first acknowledged record, with so many times the backlog (--backlog) buffered",
			cost: grown(peakAnon), at: (*bed).growBacklog,
		},
	}
}

// grown is a figure of the last side in units of the first's.
func grown(key string) target {
	return target{measure: "of the largest / of the smallest, " + labelOf(key), lower: true, of: func(s Sample) float64 {
		if len(s.Sides) == 0 {
			return 0
		}
		return ratio(s.Sides[len(s.Sides)-1].Figures[key], s.Sides[0].Figures[key])
	}}
}

func (g growth) name() string      { return g.label }
func (g growth) about() string     { return g.text }
func (g growth) targets() []target { return []target{g.cost} }

func (g growth) sample(ctx context.Context, b *bed) (s Sample, err error) {
	sizes := g.sizes
	if b.options.Quick {
		sizes = g.quick
	}
	for _, size := range sizes {
		side, err := g.at(b, ctx, size)
		if err != nil {
			return s, fmt.Errorf("%d %s: %w", size, g.what, err)
		}
		side.Name = humanize.Comma(int64(size)) + " " + g.what
		s.Sides = append(s.Sides, side)
	}
	return s, nil
}

func (b *bed) growStreams(ctx context.Context, size int) (Side, error) {
	return b.measureIngestOn(ctx, setup{others: size - 1}, batches)
}

func (b *bed) growConnections(ctx context.Context, size int) (Side, error) {
	l := singles
	l.connections = size
	return b.measureIngest(ctx, l)
}

func (b *bed) growRecords(ctx context.Context, size int) (Side, error) {
	const body = 500 << 10
	return b.measureIngest(ctx, load{api: bench.Native, body: bench.NDJSON, batch: max(1, body/size), connections: 8, bytes: size})
}

func (b *bed) growPartitions(ctx context.Context, size int) (Side, error) {
	s := setup{compression: "gzip", size: "64MiB", interval: "60s", partitioned: size > 1}
	return b.measureToStore(ctx, s, batches.spread(size))
}

func (b *bed) growBacklog(ctx context.Context, size int) (Side, error) {
	n, err := b.startNode(ctx, setup{})
	if err != nil {
		return Side{}, err
	}
	defer n.close()
	if size > 0 {
		o := b.backlog(n, batches)
		o.Records *= int64(size)
		if _, err := b.send(ctx, n.server, o); err != nil {
			return Side{}, err
		}
	}
	n.Kill()
	return b.firstAck(ctx, n)
}
