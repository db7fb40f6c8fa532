package torture

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"hydrant/bench"
)

// Report is what a run has shown.
type Report struct {
	OK       bool      `json:"ok"`
	Date     time.Time `json:"date"`
	Seed     uint64    `json:"seed"`
	Mutant   string    `json:"mutant,omitempty"`
	Nodes    int       `json:"nodes"`
	Store    string    `json:"store"`
	Seconds  float64   `json:"seconds"` // of faults; the delivery of what was left came after
	Delivery float64   `json:"delivery_seconds"`

	Faults   []FaultReport  `json:"faults"`
	LeftOut  []LeftOut      `json:"left_out"`
	Rot      Rot            `json:"rot"`
	Weights  []Weight       `json:"weights"` // of the nodes after each fault
	Verdict  *bench.Verdict `json:"verdict"`
	Problems []string       `json:"problems"`
	More     int            `json:"more_problems,omitempty"`
}

// FaultReport is what became of one kind of fault.
type FaultReport struct {
	Name     string    `json:"name"`
	Times    int       `json:"times"`
	Met      int       `json:"met"`
	Recovery []float64 `json:"recovery_seconds"` // from the fault's end until all nodes took records
}

// LeftOut is a fault that could not be made.
type LeftOut struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// add notes one fault.
func (r *Report) add(name string, met int, recovery time.Duration) {
	i := slices.IndexFunc(r.Faults, func(f FaultReport) bool { return f.Name == name })
	if i < 0 {
		i = len(r.Faults)
		r.Faults = append(r.Faults, FaultReport{Name: name})
	}
	f := &r.Faults[i]
	f.Times++
	f.Met += met
	f.Recovery = append(f.Recovery, recovery.Seconds())
}

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "fault\ttimes\tmet\trecovery, median\tlongest") // Flush tells of errors
	for _, f := range r.Faults {
		times := slices.Sorted(slices.Values(f.Recovery))
		fmt.Fprintf(table, "%s\t%d\t%d\t%.2f s\t%.2f s\n", f.Name, f.Times, f.Met, times[len(times)/2], times[len(times)-1])
	}
	for _, l := range r.LeftOut {
		fmt.Fprintf(table, "%s\tleft out: %s\n", l.Name, l.Why)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nseed %d, %d nodes, %s, %.0f s of faults, all delivered %.1f s later\n", r.Seed, r.Nodes, r.Store, r.Seconds, r.Delivery)
	if r.Rot.Nodes > 0 {
		fmt.Fprintf(w, "damaged after the sync: %d nodes with %s records; %s lost, %s told as quarantined, %s doubled\n", r.Rot.Nodes,
			humanize.Comma(r.Rot.Acked), humanize.Comma(r.Rot.Lost), humanize.Comma(r.Rot.Quarantined), humanize.Comma(r.Rot.Doubled))
	}
	for _, g := range r.growth() {
		fmt.Fprintf(w, "%s: %s in the first quarter, %s in the last\n", g.what, g.shown(g.early), g.shown(g.late))
	}
	if r.Verdict != nil {
		if err := r.Verdict.WriteText(w); err != nil {
			return err
		}
	}
	for _, p := range r.Problems {
		fmt.Fprintf(w, "PROBLEM: %s\n", p) // the last line's error stands for all
	}
	if r.More > 0 {
		fmt.Fprintf(w, "and %d problems more\n", r.More)
	}
	last := "GOOD: every fault was survived"
	if !r.OK {
		last = "NOT GOOD: " + ErrFound.Error()
	}
	_, err := fmt.Fprintln(w, last)
	return err
}
