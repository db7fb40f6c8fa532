package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/alecthomas/kong"
)

// CompareCommand is `hydrant bench compare`.
type CompareCommand struct {
	Before string `arg:"" placeholder:"BEFORE.json" help:"Report of one run, as --json printed it."`
	After  string `arg:"" placeholder:"AFTER.json" help:"Report of the other run."`
	Report string `placeholder:"FILE" help:"Write a page with both runs' plots here too."`
}

// Run prints the runs beside each other, with ratios, and what makes them hard to compare.
func (c *CompareCommand) Run(cli *kong.Context) error {
	var reports []*Report
	for _, path := range []string{c.Before, c.After} {
		r, err := readReport(path)
		if err != nil {
			return err
		}
		reports = append(reports, r)
	}
	if err := writeComparison(cli.Stdout, comparison{reports}); err != nil {
		return err
	}
	if c.Report == "" {
		return nil
	}
	return WriteFile(c.Report, func(w io.Writer) error { return writePage(w, "Two runs", reports...) })
}

func readReport(path string) (*Report, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(Report)
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s is no report of a run, as bench --json prints it: %w", path, err)
	}
	if r.Run == "" {
		return nil, fmt.Errorf("%s is no report of a run: it names none", path)
	}
	return r, nil
}

func writeComparison(w io.Writer, c comparison) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "\t%s\t%s\tratio\t\n", c.reports[0].Run, c.reports[1].Run) // Flush tells of errors
	for _, r := range c.results() {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t\n", r.Name, r.Values[0], r.Values[1], r.Ratio)
	}
	for _, warning := range c.warnings() {
		fmt.Fprintf(table, "\nwarning: %s", warning)
	}
	if len(c.warnings()) > 0 {
		fmt.Fprintln(table)
	}
	return table.Flush()
}

// WriteFile makes a file of what write writes.
func WriteFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		_ = f.Close() // the first error is the one to tell
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.Close()
}
