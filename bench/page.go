package bench

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"reflect"
	"strings"

	"github.com/dustin/go-humanize"

	"hydrant/bench/uplot"
)

// The page holds the plots' library too, so that a report needs no network.
var (
	//go:embed page/page.html
	pageText string

	page = template.Must(template.New("page").Parse(pageText))
)

// row is a line of one of the page's tables: a value for each run.
type row struct {
	Name   string
	Values []string
	Ratio  string // of the second run's value to the first one's
}

// WriteHTML writes a page with the report's plots and tables, complete in itself.
func (r *Report) WriteHTML(w io.Writer) error { return writePage(w, "Load on "+r.Setup.Stream, r) }

// writePage writes a page about one run, or two beside each other.
func writePage(w io.Writer, title string, reports ...*Report) error {
	type run struct {
		Name string `json:"name"`
		Series
	}
	var runs []run
	for _, r := range reports {
		runs = append(runs, run{r.Run, Series{r.Series.Width, r.Series.Last, append([]Point{}, r.Series.Points...)}})
	}
	series, err := json.Marshal(runs)
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	c := comparison{reports: reports}
	return page.Execute(w, map[string]any{
		"Title": title, "Runs": runs, "Classes": []string{"a", "b"}, "Warnings": c.warnings(), "Ratios": len(reports) > 1,
		"Rows": c.results(), "Setup": c.setup(), "Series": template.JS(series),
		"UPlotJS": template.JS(uplot.Script), "UPlotCSS": template.CSS(uplot.Styles),
	})
}

// comparison puts runs beside each other.
type comparison struct{ reports []*Report }

// results are what was measured. Of most a larger ratio is better, of latencies and processor time a smaller one.
func (c comparison) results() []row {
	cpu := func(r *Report) float64 { return r.Measured.Processor * 1e3 / max(r.Measured.Megabytes, 1e-9) }
	return []row{
		c.number("records/s", "%.0f", func(r *Report) float64 { return r.Measured.RecordsPS }),
		c.number("requests/s", "%.0f", func(r *Report) float64 { return r.Measured.RequestsPS }),
		c.number("MB/s", "%.1f", func(r *Report) float64 { return r.Measured.MBPS }),
		c.number("latency p50, ms", "%.2f", func(r *Report) float64 { return r.Measured.Latency.P50 }),
		c.number("latency p99, ms", "%.2f", func(r *Report) float64 { return r.Measured.Latency.P99 }),
		c.number("latency p99.9, ms", "%.2f", func(r *Report) float64 { return r.Measured.Latency.P999 }),
		c.number("latency at most, ms", "%.2f", func(r *Report) float64 { return r.Measured.Latency.Max }),
		c.number("records acknowledged", "%.0f", func(r *Report) float64 { return float64(r.Acked) }),
		c.number("records refused", "%.0f", func(r *Report) float64 { return float64(r.Refused) }),
		c.number("records unknown", "%.0f", func(r *Report) float64 { return float64(r.Unknown) }),
		c.number("generator, CPU s/GB", "%.2f", cpu),
	}
}

func (c comparison) number(name, format string, value func(*Report) float64) row {
	r := row{Name: name}
	for _, report := range c.reports {
		v := value(report)
		text := fmt.Sprintf(format, v)
		if format == "%.0f" {
			text = humanize.Comma(int64(v))
		}
		r.Values = append(r.Values, text)
	}
	if len(c.reports) == 2 && value(c.reports[0]) > 0 {
		r.Ratio = fmt.Sprintf("%.2f", value(c.reports[1])/value(c.reports[0]))
	}
	return r
}

// setup is what was asked for, and of which machine.
func (c comparison) setup() []row {
	var rows []row
	for _, part := range []func(*Report) any{func(r *Report) any { return r.Setup }, func(r *Report) any { return r.Machine }} {
		fields := reflect.TypeOf(part(c.reports[0]))
		for i := range fields.NumField() {
			name, _, _ := strings.Cut(fields.Field(i).Tag.Get("json"), ",")
			r := row{Name: strings.ReplaceAll(name, "_", " ")}
			for _, report := range c.reports {
				value := strings.Trim(fmt.Sprint(reflect.ValueOf(part(report)).Field(i)), "[]")
				r.Values = append(r.Values, cmp.Or(value, "none"))
			}
			rows = append(rows, r)
		}
	}
	return rows
}

// warnings name what makes two runs hard to compare.
func (c comparison) warnings() []string {
	var warnings []string
	for _, r := range c.setup() {
		if len(r.Values) == 2 && r.Values[0] != r.Values[1] && r.Name != "url" && r.Name != "stream" {
			warnings = append(warnings, fmt.Sprintf("the runs differ in %s: %s and %s", r.Name, r.Values[0], r.Values[1]))
		}
	}
	return warnings
}
