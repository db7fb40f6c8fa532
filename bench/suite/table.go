package suite

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// TableCommand is `hydrant bench suite table`.
type TableCommand struct {
	Result string `arg:"" placeholder:"RESULT.json" help:"Result of a run."`
	Rows   string `placeholder:"REGEXP" help:"Print only the rows whose names match."`
	Sides  bool   `help:"Print what was measured of each side, rather than the measures: the figures of the growth rows."`
}

// Run prints the tables of a page of documentation.
func (c *TableCommand) Run(cli *kong.Context) error {
	result, err := readResult(c.Result)
	if err != nil {
		return err
	}
	o := Options{Rows: c.Rows}
	if err := o.selectRows(); err != nil {
		return err
	}
	var rows []RowResult
	for _, row := range result.Rows {
		if o.selected.MatchString(row.Name) {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return fmt.Errorf("rows: no row of %s matches %q", c.Result, c.Rows)
	}
	result.Rows = rows
	if c.Sides {
		return result.writeSides(cli.Stdout)
	}
	return result.writeMeasures(cli.Stdout)
}

// writeMeasures writes a line of Markdown for each measure that has a target.
func (r *Result) writeMeasures(w io.Writer) error {
	fmt.Fprintf(w, "%s.\n\n| row | measure | value | target | beyond | |\n|---|---|---|---|---|---|\n", r.heading()) // the last line tells of errors
	for _, row := range r.Rows {
		for _, o := range row.Outcomes {
			if o.Target == 0 {
				continue
			}
			value, beyond := "not measured", ""
			if len(row.Repeats) > 0 {
				value = number(o.Value)
			}
			if o.Beyond > 0 {
				beyond = number(o.Beyond)
			}
			fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n", row.Name, o.Measure, value, number(o.Target), beyond, o.Verdict())
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}

// writeSides writes a table for each row: a line a side, and a column for each figure that any of them has.
func (r *Result) writeSides(w io.Writer) error {
	fmt.Fprintf(w, "%s.\n\n", r.heading()) // the last line tells of errors
	for _, row := range r.Rows {
		columns := row.columns()
		head, rule := "| "+row.Name, "|---"
		for _, f := range columns {
			head, rule = head+" | "+f.label, rule+"|---"
		}
		fmt.Fprintf(w, "%s |\n%s|\n", head, rule)
		for _, s := range row.Sides {
			cells := []string{s.Name}
			for _, f := range columns {
				cell := ""
				if v, ok := s.Figures[f.key]; ok {
					cell = fmt.Sprintf(f.format, v)
				}
				cells = append(cells, cell)
			}
			fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
		}
		fmt.Fprintln(w)
	}
	_, err := fmt.Fprintf(w, "Load averages at the rows' ends: %s.\n", r.busy())
	return err
}

// columns are the figures that any side of the row has.
func (r RowResult) columns() []figure {
	return slices.DeleteFunc(slices.Clone(shown), func(f figure) bool {
		return !slices.ContainsFunc(r.Sides, func(s Side) bool {
			_, has := s.Figures[f.key]
			return has
		})
	})
}

func (r *Result) busy() string {
	var all []string
	for _, row := range r.Rows {
		all = append(all, fmt.Sprintf("%.1f", row.Busy))
	}
	return strings.Join(all, ", ")
}
