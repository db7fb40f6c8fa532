package suite

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCurves(t *testing.T) {
	streams := Sample{Sides: []Side{
		{Name: "1 streams", Figures: Figures{serverCPU: 2, elapsed: 1, peakAnon: 100}},
		{Name: "1,000 streams", Figures: Figures{serverCPU: 4, elapsed: 1, peakAnon: 300}},
	}}
	slow := Sample{Sides: []Side{{Figures: Figures{serverCPU: 3}}, {Figures: Figures{serverCPU: 8}}}}
	r := &Result{Rows: []RowResult{
		{Name: "ndjson", Sides: streams.Sides},
		{Name: "growth-streams", Sides: streams.Sides, Repeats: []Sample{streams, slow}},
		{Name: "growth-backlog", Sides: []Side{{Name: "0 times", Figures: Figures{elapsed: 0}}}},
		{Name: "growth-records"}, // none of its repeats was measured
	}}
	panels := r.panels()
	var titles []string
	for _, p := range panels {
		titles = append(titles, p.Title)
	}
	if want := []string{"streams: server CPU s/GB", "streams: RssAnon MB", "backlog: s to the first ack"}; !cmp.Equal(titles, want) {
		t.Fatalf("drawn: %q", titles)
	}
	want := []point{
		{X: plotLeft, Y: 115, Least: 115, Most: 102.5, Value: "2.00", Size: "1"},
		{X: plotRight, Y: 90, Least: 90, Most: plotTop, Value: "4.00", Size: "1,000"},
	}
	if diff := cmp.Diff(want, panels[0].Points); diff != "" {
		t.Error(diff)
	}
	var picture strings.Builder
	if err := r.writeCurves(&picture); err != nil {
		t.Fatal(err)
	}
	isXML(t, picture.String())
}

func isXML(t *testing.T, text string) {
	t.Helper()
	for decoder := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
}

func TestSteps(t *testing.T) {
	for most, want := range map[float64]float64{0: 1, 3.6: 1, 8: 2, 30: 10, 769: 200, 0.134: 0.05, 1: 0.5} {
		if got := niceStep(most); got != want {
			t.Errorf("steps to %g: %g, want %g", most, got, want)
		}
	}
}

// The picture of the docs is that of the newest run that is kept and measured what grows.
func TestCurvesOfTheDocs(t *testing.T) {
	results, err := filepath.Glob("../results/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Backward(results) {
		r, err := readResult(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.panels()) == 0 {
			continue
		}
		var want strings.Builder
		if err := r.writeCurves(&want); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile("../../docs/growth.svg"); err != nil || string(got) != want.String() {
			t.Errorf("docs/growth.svg is another picture (%v): hydrant bench suite curves %s >docs/growth.svg", err, filepath.Base(path))
		}
		return
	}
	t.Error("no kept run measured what grows")
}
