package torture

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"hydrant/bench"
	"hydrant/bench/machine"
)

// Report is what a run has shown.
type Report struct {
	OK       bool            `json:"ok"`
	Date     time.Time       `json:"date"`
	Commit   string          `json:"commit"`
	Machine  machine.Machine `json:"machine"`
	Seed     uint64          `json:"seed"`
	Settings []string        `json:"settings"` // flags that make such a run again
	Mutant   string          `json:"mutant,omitempty"`
	Nodes    int             `json:"nodes"`
	Store    string          `json:"store"`
	Seconds  float64         `json:"seconds"` // of faults; the delivery of what was left came after
	Delivery float64         `json:"delivery_seconds"`

	Faults   []FaultReport  `json:"faults"`
	LeftOut  []LeftOut      `json:"left_out"`
	Rot      Rot            `json:"rot"`
	Weights  []Weight       `json:"weights"` // of the nodes in the course of the run
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

// settings are the flags that make a run of the same kind.
func (o *Options) settings() []string {
	s := []string{fmt.Sprintf("--seed=%d", o.Seed), fmt.Sprintf("--duration=%v", o.Duration)}
	if len(o.Times) > 0 {
		times := []string{}
		for name, n := range o.Times {
			times = append(times, fmt.Sprintf("%s=%d", name, n))
		}
		slices.Sort(times)
		s = append(s, "--times="+strings.Join(times, ","))
	} else {
		s = append(s, "--faults="+o.Faults)
	}
	return append(s, fmt.Sprintf("--records=%d", o.Records), fmt.Sprintf("--nodes=%d", o.Nodes), fmt.Sprintf("--rate=%g", o.Rate),
		fmt.Sprintf("--store-fails=%g", o.StoreFails), fmt.Sprintf("--pause=%v", o.Pause))
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
	for _, write := range []func(io.Writer) error{r.writeFaults, r.writeRun, r.writeVerdict} {
		if err := write(w); err != nil {
			return err
		}
	}
	return nil
}

func (r *Report) writeFaults(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "fault\ttimes\tmet\trecovery, median\tlongest") // Flush tells of errors
	for _, f := range r.Faults {
		times := slices.Sorted(slices.Values(f.Recovery))
		fmt.Fprintf(table, "%s\t%d\t%d\t%.2f s\t%.2f s\n", f.Name, f.Times, f.Met, times[len(times)/2], times[len(times)-1])
	}
	for _, l := range r.LeftOut {
		fmt.Fprintf(table, "%s\tleft out: %s\n", l.Name, l.Why)
	}
	return table.Flush()
}

// writeRun says what run it was, and what the nodes took. The last line's error stands for all.
func (r *Report) writeRun(w io.Writer) error {
	fmt.Fprintf(w, "\n%s, commit %s: %v\n", r.Date.Format("2006-01-02 15:04 MST"), r.Commit, r.Machine)
	fmt.Fprintf(w, "hydrant bench torture %s\n", strings.Join(r.Settings, " "))
	if r.Rot.Nodes > 0 {
		fmt.Fprintf(w, "damaged after the sync: %d nodes with %s records; %s lost, %s told as quarantined, %s doubled\n", r.Rot.Nodes,
			humanize.Comma(r.Rot.Acked), humanize.Comma(r.Rot.Lost), humanize.Comma(r.Rot.Quarantined), humanize.Comma(r.Rot.Doubled))
	}
	for _, g := range r.growth() {
		fmt.Fprintln(w, g)
	}
	_, err := fmt.Fprintf(w, "%.0f s of faults on %d nodes, %s; all delivered %.1f s later\n\n", r.Seconds, r.Nodes, r.Store, r.Delivery)
	return err
}

// writeVerdict ends with the figures that count. The last line's error stands for all.
func (r *Report) writeVerdict(w io.Writer) error {
	if r.Verdict != nil {
		if err := r.Verdict.WriteText(w); err != nil {
			return err
		}
		if err := r.writeTable(w); err != nil {
			return err
		}
	}
	for _, p := range r.Problems {
		fmt.Fprintf(w, "PROBLEM: %s\n", p)
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

func (r *Report) writeTable(w io.Writer) error {
	var times int
	var recovery []float64
	for _, f := range r.Faults {
		times += f.Times
		recovery = append(recovery, f.Recovery...)
	}
	slices.Sort(recovery)
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "\nfaults survived\tleft out\trecords\tlost\tduplicated\trefused\tunknown\trecovery, median\tlongest") // Flush tells of errors
	fmt.Fprintf(table, "%d\t%d\t%s\t%d\t%d\t%s\t%s", times, len(r.LeftOut), humanize.Comma(r.Verdict.Acked), r.Verdict.Faults[bench.Lost],
		r.Verdict.Faults[bench.Doubled], humanize.Comma(r.Verdict.Refused), humanize.Comma(r.Verdict.Unknown))
	if len(recovery) > 0 {
		fmt.Fprintf(table, "\t%.2f s\t%.2f s", recovery[len(recovery)/2], recovery[len(recovery)-1])
	}
	fmt.Fprintln(table)
	return table.Flush()
}
