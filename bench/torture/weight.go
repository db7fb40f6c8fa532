package torture

import (
	"fmt"
	"slices"
	"time"

	"github.com/dustin/go-humanize"

	"hydrant/bench/child"
)

// Weight is what the heaviest node took at one moment.
type Weight struct {
	Seconds     float64 `json:"seconds"` // since the start
	Memory      float64 `json:"memory_bytes"`
	Descriptors float64 `json:"descriptors"`
	Goroutines  float64 `json:"goroutines"`
	Disk        float64 `json:"buffer_disk_bytes"`
}

// mostWeights are kept of a run, so that the report of a long one can be read too.
const mostWeights = 240

// weighEvery is how often the nodes are weighed.
func (o *Options) weighEvery() time.Duration { return max(time.Second, o.Duration/mostWeights) }

// weigh takes the heaviest of what nodes tell of themselves.
func weigh(since time.Duration, nodes []child.Metrics) Weight {
	w := Weight{Seconds: since.Seconds()}
	for _, m := range nodes {
		w.Memory = max(w.Memory, m["process_resident_memory_bytes"])
		w.Descriptors = max(w.Descriptors, m["process_open_fds"])
		w.Goroutines = max(w.Goroutines, m["go_goroutines"])
		w.Disk = max(w.Disk, m["hydrant_buffer_disk_bytes"])
	}
	return w
}

// growth is one weight in the course of a run.
type growth struct {
	what              string
	early, late, most float64 // medians of the first and the last quarter, and the highest
	margin            float64 // what says nothing
	bytes             bool
}

// flatFrom is how long a run is to be, in seconds, for its quarters to have met the same faults: then weights must be flat.
// In a shorter one they must not double.
const flatFrom = 600

func (g growth) leaks(seconds float64) bool {
	factor := 2.0
	if seconds >= flatFrom {
		factor = 1.25
	}
	return g.late > factor*g.early+g.margin
}

func (g growth) shown(weight float64) string {
	if g.bytes {
		return humanize.IBytes(uint64(weight))
	}
	return fmt.Sprintf("%.0f", weight)
}

func (g growth) String() string {
	return fmt.Sprintf("%s: %s in the first quarter, %s in the last, %s at most", g.what, g.shown(g.early), g.shown(g.late), g.shown(g.most))
}

// fewWeights say nothing of growth.
const fewWeights = 16

func (r *Report) growth() []growth {
	n := len(r.Weights)
	if n < fewWeights {
		return nil
	}
	all := []growth{
		{what: "memory", margin: 32 << 20, bytes: true},
		{what: "descriptors", margin: 64},
		{what: "goroutines", margin: 64},
		{what: "buffer on disk", margin: 64 << 20, bytes: true},
	}
	for i, of := range []func(Weight) float64{
		func(w Weight) float64 { return w.Memory }, func(w Weight) float64 { return w.Descriptors },
		func(w Weight) float64 { return w.Goroutines }, func(w Weight) float64 { return w.Disk },
	} {
		all[i].early, all[i].late, all[i].most = median(r.Weights[:n/4], of), median(r.Weights[n-n/4:], of), highest(r.Weights, of)
	}
	return all
}

func median(weights []Weight, of func(Weight) float64) float64 {
	var values []float64
	for _, w := range weights {
		values = append(values, of(w))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func highest(weights []Weight, of func(Weight) float64) (most float64) {
	for _, w := range weights {
		most = max(most, of(w))
	}
	return most
}
