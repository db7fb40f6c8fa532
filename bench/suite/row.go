package suite

import "context"

// row is a line of the suite's table: one measurement, repeated.
type row interface {
	name() string  // by which it is selected
	about() string // what is measured, for people
	targets() []target
	// sample measures once: each side in turn, in the same order each time.
	sample(ctx context.Context, b *bed) (Sample, error)
}

// target is a measure of a row and what it should be.
type target struct {
	measure        string
	target, beyond float64 // 0: none
	lower          bool    // smaller values are better
	of             func(Sample) float64
}

// over is one side's figure in units of another's.
func over(figure, side, base string) func(Sample) float64 {
	return func(s Sample) float64 { return ratio(s.of(side, figure), s.of(base, figure)) }
}

// plain is a side's figure.
func plain(figure, side string) func(Sample) float64 {
	return func(s Sample) float64 { return s.of(side, figure) }
}

// rows are all rows of the suite, with the targets that Hydrant set itself.
func rows() []row {
	return append([]row{
		againstFloor{label: "ndjson", load: batches, figure: megabytesPS, target: 0.10, beyond: 0.15, cost: true},
		againstFloor{label: "putrecordbatch", load: recordBatches, figure: megabytesPS, target: 0.12, beyond: 0.18, cost: true},
		againstFloor{label: "single", load: singles, figure: requestsPS, target: 0.35, beyond: 0.50},
		latency{},
		againstDisk{label: "disk-random", load: batches.with(random1K), target: 0.75, beyond: 0.9},
		againstDisk{label: "disk-json", load: batches, target: 1.2, beyond: 2, written: true},
		pipeline{codec: "gzip", bare: true},
		pipeline{codec: "zstd", bare: true},
		pipeline{codec: "snappy"},
		toStore{},
		partitions{},
		openPartitions{},
		startUp{},
		idle{},
		allocated{},
	}, growths()...)
}
