package suite

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"

	"hydrant/bench"
	"hydrant/bench/uplot"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("suite").Funcs(template.FuncMap{"number": number}).Parse(pageText))

// WriteHTML writes a page with the result's tables and plots, complete in itself.
func (r *Result) WriteHTML(w io.Writer) error {
	plots, err := json.Marshal(r.plots())
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	var picture strings.Builder
	if err := r.writeCurves(&picture); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return page.Execute(w, map[string]any{
		"Curves": template.HTML(picture.String()), "Grows": len(r.panels()) > 0,
		"Heading": r.heading(), "Note": r.Note, "Store": r.Settings.Store, "Rows": r.pageRows(), "Plots": template.JS(plots),
		"UPlotJS": template.JS(uplot.Script), "UPlotCSS": template.CSS(uplot.Styles),
	})
}

// pageRow is a row as the page shows it.
type pageRow struct {
	RowResult
	Lines []pageLine
	Texts []string // of the sides
}

type pageLine struct{ Measure, Value, Spread, Goal, Verdict string }

func (r *Result) pageRows() (all []pageRow) {
	for _, row := range r.Rows {
		p := pageRow{RowResult: row}
		for _, o := range row.Outcomes {
			p.Lines = append(p.Lines, pageLine{o.Measure, number(o.Value), o.spread(), o.goal(), o.Verdict()})
		}
		for _, s := range row.Sides {
			p.Texts = append(p.Texts, s.Name+": "+s.text())
		}
		all = append(all, p)
	}
	return all
}

// plots are the page's data.
type plots struct {
	Goals []goalPoint `json:"goals"`
	Loads []loadPlot  `json:"loads"`
}

// goalPoint is a measure in units of its target, turned so that 1 and more is reached.
type goalPoint struct {
	Name   string    `json:"name"`
	Median float64   `json:"median"`
	All    []float64 `json:"all"`
}

// loadPlot has the acknowledged records a second of a row's sides.
type loadPlot struct {
	Name  string     `json:"name"`
	Sides []loadLine `json:"sides"`
}

type loadLine struct {
	Name   string        `json:"name"`
	Series *bench.Series `json:"series"`
}

func (r *Result) plots() plots {
	p := plots{Goals: []goalPoint{}, Loads: []loadPlot{}}
	for _, row := range r.Rows {
		p.Goals = append(p.Goals, row.goals()...)
		if plot := row.load(); len(plot.Sides) > 0 {
			p.Loads = append(p.Loads, plot)
		}
	}
	return p
}

// goals are the row's measures that have a target.
func (r RowResult) goals() (points []goalPoint) {
	for _, o := range r.Outcomes {
		if o.Target == 0 || len(o.Values) == 0 {
			continue
		}
		point := goalPoint{Name: r.Name + ": " + o.Measure, Median: o.reach(o.Value)}
		for _, v := range o.Values {
			point.All = append(point.All, o.reach(v))
		}
		points = append(points, point)
	}
	return points
}

// load has a line for each side that sent a load, in each repeat.
func (r RowResult) load() loadPlot {
	plot := loadPlot{Name: r.Name}
	for i, sample := range r.Repeats {
		for _, s := range sample.Sides {
			if s.Series != nil {
				plot.Sides = append(plot.Sides, loadLine{fmt.Sprintf("%s %d", s.Name, i+1), s.Series})
			}
		}
	}
	return plot
}

// reach is a value in units of the target: 1 and more is reached, whichever way is better. Nothing is further away or
// further beyond than a hundredfold.
func (o Outcome) reach(v float64) float64 {
	share := ratio(v, o.Target)
	if o.Lower {
		share = ratio(o.Target, v)
		if v == 0 {
			share = 100
		}
	}
	return min(max(share, 0.01), 100)
}
