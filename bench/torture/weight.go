package torture

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
)

// Weight is what the heaviest node took at one moment.
type Weight struct {
	Seconds     float64 `json:"seconds"` // since the start
	Memory      float64 `json:"memory_bytes"`
	Descriptors float64 `json:"descriptors"`
	Goroutines  float64 `json:"goroutines"`
	Disk        float64 `json:"buffer_disk_bytes"`
}

// weigh notes what the nodes take now. They have just got well; one that does not tell weighs nothing.
func (b *bed) weigh(ctx context.Context, r *Report) {
	w := Weight{Seconds: time.Since(r.Date).Seconds()}
	for _, n := range b.nodes {
		m, err := n.metrics(ctx)
		if err != nil {
			continue
		}
		w.Memory = max(w.Memory, m["process_resident_memory_bytes"])
		w.Descriptors = max(w.Descriptors, m["process_open_fds"])
		w.Goroutines = max(w.Goroutines, m["go_goroutines"])
		w.Disk = max(w.Disk, m["hydrant_buffer_disk_bytes"])
	}
	r.Weights = append(r.Weights, w)
}

// growth is one weight at the beginning of a run and at its end, each the median of a quarter.
type growth struct {
	what        string
	early, late float64
	margin      float64 // more than twice the early one and this is a leak
	bytes       bool
}

func (g growth) leaks() bool { return g.late > 2*g.early+g.margin }

func (g growth) shown(weight float64) string {
	if g.bytes {
		return humanize.IBytes(uint64(weight))
	}
	return fmt.Sprintf("%.0f", weight)
}

// fewWeights say nothing of growth.
const fewWeights = 16

func (r *Report) growth() []growth {
	n := len(r.Weights)
	if n < fewWeights {
		return nil
	}
	all := []growth{
		{what: "memory", margin: 64 << 20, bytes: true},
		{what: "descriptors", margin: 200},
		{what: "goroutines", margin: 200},
		{what: "buffer on disk", margin: 64 << 20, bytes: true},
	}
	for i, of := range []func(Weight) float64{
		func(w Weight) float64 { return w.Memory }, func(w Weight) float64 { return w.Descriptors },
		func(w Weight) float64 { return w.Goroutines }, func(w Weight) float64 { return w.Disk },
	} {
		all[i].early, all[i].late = median(r.Weights[:n/4], of), median(r.Weights[n-n/4:], of)
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
