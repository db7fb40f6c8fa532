package suite

import (
	"context"
	"fmt"

	"hydrant/bench"
)

// againstFloor is durable ingest beside a server that does nothing.
type againstFloor struct {
	label          string
	load           load
	figure         string
	target, beyond float64
	cost           bool // the processor time has a target too
}

func (r againstFloor) name() string { return r.label }

func (r againstFloor) about() string {
	return fmt.Sprintf("%s, delivery off, beside an HTTP server that does nothing", r.load)
}

func (l load) String() string {
	api := "native API, " + l.body
	if l.api == bench.Firehose {
		api = "PutRecordBatch"
	}
	return fmt.Sprintf("%s, %d x %d B in a request, %d connections", api, l.batch, l.in.size, l.connections)
}

func (r againstFloor) targets() []target {
	all := []target{{"durable / floor, " + labelOf(r.figure), r.target, r.beyond, false, over(r.figure, "node", "floor")}}
	if r.cost {
		all = append(all, target{"server CPU s/GB", 2.5, 1.5, true, plain(serverCPU, "node")})
	}
	return all
}

func labelOf(key string) string {
	for _, f := range shown {
		if f.key == key {
			return f.label
		}
	}
	return key
}

func (r againstFloor) sample(ctx context.Context, b *bed) (Sample, error) {
	floor, err := b.measureFloor(ctx, r.load)
	if err != nil {
		return Sample{}, err
	}
	durable, err := b.measureIngest(ctx, r.load)
	return Sample{Sides: []Side{floor, durable}}, err
}

// measureIngest measures a load on a new node that delivers nothing.
func (b *bed) measureIngest(ctx context.Context, l load) (Side, error) {
	return b.measureIngestOn(ctx, setup{}, l)
}

func (b *bed) measureIngestOn(ctx context.Context, s setup, l load) (Side, error) {
	n, err := b.startNode(ctx, s)
	if err != nil {
		return Side{}, err
	}
	defer n.close()
	if err := b.prepare(ctx, n, l); err != nil {
		return Side{}, err
	}
	return b.measureNode(ctx, n, b.to(n.url, l))
}

// prepare brings a node that delivers nothing to where measuring can begin.
func (b *bed) prepare(ctx context.Context, n *node, l load) error {
	if err := b.idleDelivery(ctx, n); err != nil {
		return err
	}
	return b.warm(ctx, n.server, b.to(n.url, l))
}

// The bare disk's sides, by what their groups are as large as.
const (
	rawDisk   = "raw disk"
	rawStored = "raw disk, as stored"
)

// againstDisk is durable ingest beside the bare disk.
type againstDisk struct {
	label          string
	load           load
	target, beyond float64
	written        bool // the bytes written have a target too
}

func (r againstDisk) name() string { return r.label }

func (r againstDisk) about() string {
	kind := "JSON log lines"
	if r.load.in.random {
		kind = "records that do not compress"
	}
	return fmt.Sprintf("%s, %s, delivery off, beside append and fdatasync of the same payload in groups of the node's mean size", r.load, kind)
}

func (r againstDisk) targets() []target {
	all := []target{
		{"durable / raw disk, MB/s", r.target, r.beyond, false, over(megabytesPS, "node", rawDisk)},
		{measure: "the same of the bytes as stored", of: func(s Sample) float64 {
			return ratio(s.of("node", storedPS), s.of(rawStored, megabytesPS))
		}},
	}
	if r.written {
		all = append(all, target{"disk bytes / byte ingested", 0.6, 0.4, true, plain(writtenShare, "node")})
	}
	return all
}

func (r againstDisk) sample(ctx context.Context, b *bed) (Sample, error) {
	durable, err := b.measureIngest(ctx, r.load)
	if err != nil {
		return Sample{}, err
	}
	raw, err := b.rawDisk(ctx, rawDisk, r.load.in, durable.Figures[groupBytes], b.options.Duration)
	if err != nil {
		return Sample{}, err
	}
	stored, err := b.rawDisk(ctx, rawStored, random1K, durable.Figures[storedGroup], b.options.Duration/2)
	return Sample{Sides: []Side{durable, raw, stored}}, err
}

// sameRate is the floor under the load that half of the node's is.
const sameRate = "floor, half load"

// latency is the open loop: single records at half of what the node takes at most.
type latency struct{}

func (latency) name() string { return "latency" }

func (latency) about() string {
	return fmt.Sprintf("%s, delivery off, at half of the rate that the same node reached before; latency from the intended time; "+
		"beside a server that does nothing at that rate, and the time of append and fdatasync of groups of the node's mean size", singles)
}

func (latency) targets() []target {
	return []target{
		{"p99 / median sync of the disk", 3, 2, true, func(s Sample) float64 {
			return ratio(s.of("half load", ackP99), s.of(rawDisk, syncP50))
		}},
		{measure: "p99 / p99 sync of the disk", of: func(s Sample) float64 {
			return ratio(s.of("half load", ackP99), s.of(rawDisk, syncP99))
		}},
		{measure: "p99 of a server that does nothing at that rate / median sync", of: func(s Sample) float64 {
			return ratio(s.of(sameRate, ackP99), s.of(rawDisk, syncP50))
		}},
	}
}

func (latency) sample(ctx context.Context, b *bed) (Sample, error) {
	n, err := b.startNode(ctx, setup{})
	if err != nil {
		return Sample{}, err
	}
	defer n.close()
	if err := b.prepare(ctx, n, singles); err != nil {
		return Sample{}, err
	}
	o := b.to(n.url, singles)
	full, err := b.measureNode(ctx, n, o)
	if err != nil {
		return Sample{}, err
	}
	full.Name = "full load"
	o.Rate = full.Figures[requestsPS] / 2
	half, err := b.measureNode(ctx, n, o)
	if err != nil {
		return Sample{}, err
	}
	half.Name = "half load"
	floor, err := b.measureFloorAt(ctx, singles, o.Rate)
	if err != nil {
		return Sample{}, err
	}
	floor.Name = sameRate
	raw, err := b.rawDisk(ctx, rawDisk, singles.in, half.Figures[groupBytes], b.options.Duration)
	return Sample{Sides: []Side{full, half, floor, raw}}, err
}

// allocated counts allocations on every way in.
type allocated struct{}

func (allocated) name() string { return "allocations" }

func (allocated) about() string {
	return "every API and form of a body, delivery off: objects that the node's process allocates for a record"
}

// waysIn are the ways by the name of their side.
var waysIn = []struct {
	name string
	load load
}{
	{"JSON object", singles},
	{"JSON array", load{api: bench.Native, body: bench.JSON, batch: 500, connections: 8, in: lines1K}},
	{"NDJSON", batches},
	{"protobuf", load{api: bench.Native, body: bench.Protobuf, batch: 500, connections: 8, in: lines1K}},
	{"octet-stream", load{api: bench.Native, body: bench.OctetStream, batch: 1, connections: 64, in: lines512}},
	{"PutRecord", load{api: bench.Firehose, body: bench.Auto, batch: 1, connections: 64, in: lines512}},
	{"PutRecordBatch", recordBatches},
}

func (allocated) targets() []target {
	var all []target
	for _, way := range waysIn {
		// The runtime and the node's clockwork allocate a little too, whatever is sent.
		all = append(all, target{way.name + ", per record", 0.05, 0, true, plain(allocations, way.name)})
	}
	return all
}

func (allocated) sample(ctx context.Context, b *bed) (Sample, error) {
	n, err := b.startNode(ctx, setup{})
	if err != nil {
		return Sample{}, err
	}
	defer n.close()
	if err := b.idleDelivery(ctx, n); err != nil {
		return Sample{}, err
	}
	var s Sample
	for _, way := range waysIn {
		o := b.to(n.url, way.load)
		if err := b.warm(ctx, n.server, o); err != nil {
			return s, err
		}
		side, err := b.measureNode(ctx, n, o)
		if err != nil {
			return s, err
		}
		side.Name = way.name
		s.Sides = append(s.Sides, side)
	}
	return s, nil
}
