package suite

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/alecthomas/kong"
)

// CompareCommand is `hydrant bench suite compare`.
type CompareCommand struct {
	Before string `arg:"" placeholder:"BEFORE.json" help:"Result of one run."`
	After  string `arg:"" placeholder:"AFTER.json" help:"Result of the other run."`
}

// Run prints the outcomes of both beside each other, and what makes them hard to compare.
func (c *CompareCommand) Run(cli *kong.Context) error {
	before, err := readResult(c.Before)
	if err != nil {
		return err
	}
	after, err := readResult(c.After)
	if err != nil {
		return err
	}
	return compare(cli.Stdout, before, after)
}

// compare writes a line for each measure that either run has.
func compare(w io.Writer, before, after *Result) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(table, "row\tmeasure\t%s\t%s\tratio\ttarget\t\n", shorten(before.Commit), shorten(after.Commit)) // Flush tells of errors
	for _, p := range pairs(before, after) {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.row, p.measure, shownValue(p.before), shownValue(p.after), p.change(), p.latest().goal(), p.latest().Verdict())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, warning := range warnings(before, after) {
		if _, err := fmt.Fprintf(w, "\nwarning: %s\n", warning); err != nil {
			return err
		}
	}
	return nil
}

// pair is a measure of two runs; one that a run did not make is nil.
type pair struct {
	row, measure  string
	before, after *Outcome
}

func (p pair) latest() *Outcome {
	if p.after != nil {
		return p.after
	}
	return p.before
}

// change is the later value in units of the earlier one, and whether the repeats' spreads leave any doubt.
func (p pair) change() string {
	if p.before == nil || p.after == nil || p.before.Value == 0 {
		return ""
	}
	text := fmt.Sprintf("%.2f", p.after.Value/p.before.Value)
	if p.before.overlaps(*p.after) {
		text += " ~"
	}
	return text
}

// overlaps says that the repeats of two outcomes lie among each other: the difference may be noise.
func (o Outcome) overlaps(p Outcome) bool {
	if len(o.Values) == 0 || len(p.Values) == 0 {
		return true
	}
	return slices.Min(o.Values) <= slices.Max(p.Values) && slices.Min(p.Values) <= slices.Max(o.Values)
}

func shownValue(o *Outcome) string {
	if o == nil {
		return "-"
	}
	return number(o.Value)
}

// pairs are the measures of both, in the order of the earlier run, then those that only the later one has.
func pairs(before, after *Result) (all []pair) {
	index := map[[2]string]int{}
	for run, result := range []*Result{before, after} {
		for _, row := range result.Rows {
			for i := range row.Outcomes {
				o := &row.Outcomes[i]
				key := [2]string{row.Name, o.Measure}
				at, known := index[key]
				if !known {
					at = len(all)
					index[key] = at
					all = append(all, pair{row: row.Name, measure: o.Measure})
				}
				if run == 0 {
					all[at].before = o
				} else {
					all[at].after = o
				}
			}
		}
	}
	return all
}

// warnings name what makes two runs hard to compare.
func warnings(before, after *Result) (all []string) {
	if before.Machine != after.Machine {
		all = append(all, fmt.Sprintf("the runs were on different machines: %+v and %+v", before.Machine, after.Machine))
	}
	if before.Settings != after.Settings {
		all = append(all, fmt.Sprintf("the runs had different settings: %+v and %+v", before.Settings, after.Settings))
	}
	return append(all, "~ marks differences within the spread of the repeats; on a shared machine take others below a fifth for noise too")
}
