package suite

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// number shows a value with about three digits.
func number(v float64) string {
	switch {
	case v >= 100 || v == 0:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

// goal shows what an outcome should be.
func (o Outcome) goal() string {
	if o.Target == 0 {
		return ""
	}
	sign := "≥ "
	if o.Lower {
		sign = "≤ "
	}
	text := sign + number(o.Target)
	if o.Beyond > 0 {
		text += ", beyond " + number(o.Beyond)
	}
	return text
}

// spread shows the least and the greatest of the repeats.
func (o Outcome) spread() string {
	if len(o.Values) < 2 {
		return ""
	}
	return number(slices.Min(o.Values)) + " to " + number(slices.Max(o.Values))
}

// summary is a row's outcomes in a line.
func summary(r RowResult) string {
	var parts []string
	for _, o := range r.Outcomes {
		parts = append(parts, o.Measure+" "+number(o.Value))
	}
	return strings.Join(parts, "; ")
}

// text shows all figures of a side in a line.
func (s Side) text() string {
	var parts []string
	for _, f := range shown {
		if v, ok := s.Figures[f.key]; ok {
			parts = append(parts, fmt.Sprintf(f.format+" %s", v, f.label))
		}
	}
	return strings.Join(parts, ", ")
}

// heading says where, when and how a run was.
func (r *Result) heading() string {
	return fmt.Sprintf("%s, commit %s: %v; medians of %d, %g s a load after %g s",
		r.Date.Format("2006-01-02 15:04 MST"), shorten(r.Commit), r.Machine, r.Settings.Repeats, r.Settings.Duration, r.Settings.Warmup)
}

// WriteText writes every side's figures, and then, where a terminal shows it last, the ratios beside their targets.
func (r *Result) WriteText(w io.Writer) error {
	for _, row := range r.Rows {
		fmt.Fprintf(w, "\n%s: %s (load average %.1f)\n", row.Name, row.About, row.Busy) // the table's Flush tells of errors
		for _, s := range row.Sides {
			fmt.Fprintf(w, "  %s: %s\n", s.Name, s.text())
		}
		for _, failure := range row.Errors {
			fmt.Fprintf(w, "  a repeat failed: %s\n", failure)
		}
	}
	fmt.Fprintf(w, "\n%s\n%s\n", r.heading(), r.Note)
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "row\tmeasure\tmedian\tspread\ttarget\t")
	for _, row := range r.Rows {
		name := row.Name
		for _, o := range row.Outcomes {
			value := number(o.Value)
			if len(row.Repeats) == 0 {
				value = "not measured"
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", name, o.Measure, value, o.spread(), o.goal(), o.Verdict())
			name = ""
		}
	}
	return table.Flush()
}
