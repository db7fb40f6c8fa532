package suite

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// CurvesCommand is `hydrant bench suite curves`.
type CurvesCommand struct {
	Result string `arg:"" placeholder:"RESULT.json" help:"Result of a run that measured what grows (--rows growth)."`
}

// Run prints a picture.
func (c *CurvesCommand) Run(cli *kong.Context) error {
	result, err := readResult(c.Result)
	if err != nil {
		return err
	}
	if len(result.panels()) == 0 {
		return errors.New("curves: " + c.Result + " has no rows of what grows; measure them with --rows growth")
	}
	return result.writeCurves(cli.Stdout)
}

//go:embed curves.svg
var curvesText string

var curves = template.Must(template.New("curves").Parse(curvesText))

// The picture's measures, in its own units.
const (
	panelWidth, panelHeight = 420, 190
	plotLeft, plotRight     = 64, 384 // of the first and the last size
	plotTop, plotBottom     = 40, 140
)

// A curve is a figure by sizes.
type curve struct{ key, title, class string }

// drawn are a row's curves: one of time, of the first figure that its sides have, and one of memory.
var drawn = [][]curve{
	{{serverCPU, "server CPU s/GB", "time"}, {elapsed, "s to the first ack", "time"}},
	{{peakAnon, "RssAnon MB", "memory"}},
}

// writeCurves writes time and memory of each row of what grows as SVG, two curves side by side: the medians, and how far
// the repeats lie apart.
func (r *Result) writeCurves(w io.Writer) error {
	panels := r.panels()
	return curves.Execute(w, map[string]any{
		"Width": 2 * panelWidth, "Height": (len(panels) + 1) / 2 * panelHeight, "Panels": panels,
		"Right": plotRight + 20, "Foot": plotBottom + 16, "Caption": plotBottom + 31,
	})
}

// panel is a curve as it is drawn.
type panel struct {
	X, Y               int
	Title, Unit, Class string
	Ticks              []tick
	Points             []point
	Line               string
}

type tick struct {
	At    float64
	Label string
}

type point struct {
	X, Y        float64
	Least, Most float64 // of the repeats, as heights
	Value, Size string
}

func (r *Result) panels() (all []panel) {
	for _, row := range r.Rows {
		if !strings.HasPrefix(row.Name, growthPrefix) {
			continue
		}
		for _, choice := range drawn {
			i := slices.IndexFunc(choice, func(c curve) bool { return row.everySideHas(c.key) })
			if i < 0 {
				continue
			}
			p := row.panel(choice[i])
			p.X, p.Y = len(all)%2*panelWidth, len(all)/2*panelHeight
			all = append(all, p)
		}
	}
	return all
}

// everySideHas is false where nothing was measured.
func (r RowResult) everySideHas(key string) bool {
	return len(r.Sides) > 0 && !slices.ContainsFunc(r.Sides, func(s Side) bool {
		_, has := s.Figures[key]
		return !has
	})
}

// panel draws a curve of a figure that every side has.
func (r RowResult) panel(c curve) panel {
	p := panel{Title: strings.TrimPrefix(r.Name, growthPrefix) + ": " + c.title, Class: c.class}
	var highest float64
	for i := range r.Sides {
		_, most := r.between(i, c.key)
		highest = max(highest, most)
	}
	step := niceStep(highest)
	steps := max(1, math.Ceil(highest/step))
	height := func(v float64) float64 { return decimal(plotBottom - v/(steps*step)*(plotBottom-plotTop)) }
	for n := range int(steps) + 1 {
		p.Ticks = append(p.Ticks, tick{height(float64(n) * step), fmt.Sprintf("%.6g", float64(n)*step)})
	}
	for i, side := range r.Sides {
		least, most := r.between(i, c.key)
		across := float64(i) / float64(max(1, len(r.Sides)-1))
		at := point{
			X: decimal(plotLeft + across*(plotRight-plotLeft)), Y: height(side.Figures[c.key]),
			Least: height(least), Most: height(most), Value: number(side.Figures[c.key]),
		}
		at.Size, p.Unit, _ = strings.Cut(side.Name, " ")
		p.Points = append(p.Points, at)
		p.Line += fmt.Sprintf("%g,%g ", at.X, at.Y)
	}
	return p
}

// between are the least and the greatest of a side's figure.
func (r RowResult) between(side int, key string) (least, most float64) {
	least = r.Sides[side].Figures[key]
	most = least
	for _, repeat := range r.Repeats {
		if v, ok := repeat.Sides[side].Figures[key]; ok {
			least, most = min(least, v), max(most, v)
		}
	}
	return least, most
}

// niceStep is 1, 2 or 5 times a power of ten, of which two to five reach up to a value.
func niceStep(most float64) float64 {
	if most <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(most/2)))
	switch units := most / unit / 4; {
	case units <= 1:
		return unit
	case units <= 2:
		return 2 * unit
	}
	return 5 * unit
}

// decimal rounds to what a picture needs.
func decimal(v float64) float64 { return math.Round(v*10) / 10 }
