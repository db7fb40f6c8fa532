package suite

import (
	"strings"
	"testing"
)

func TestTablesAreMarkdown(t *testing.T) {
	r := &Result{Rows: []RowResult{
		{
			Name: "ndjson", Repeats: make([]Sample, 1),
			Outcomes: []Outcome{{Measure: "durable / floor", Value: 0.2, Target: 0.1, Beyond: 0.15}, {Measure: "shown only", Value: 3}},
			Sides:    []Side{{Name: "floor", Figures: Figures{megabytesPS: 1000}}, {Name: "node", Figures: Figures{megabytesPS: 200, serverCPU: 2}}},
		},
		{Name: "single", Outcomes: []Outcome{{Measure: "durable / floor", Target: 0.35}}},
	}}
	var measures, sides strings.Builder
	if err := r.writeMeasures(&measures); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"| ndjson | durable / floor | 0.200 | 0.100 | 0.150 | beyond |\n",
		"| single | durable / floor | not measured | 0.350 |  | missed |\n",
	} {
		if !strings.Contains(measures.String(), line) {
			t.Errorf("no line %q in\n%s", line, measures.String())
		}
	}
	if strings.Contains(measures.String(), "shown only") {
		t.Errorf("a measure without a target is in the table:\n%s", measures.String())
	}
	if err := r.writeSides(&sides); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"| ndjson | MB/s | server CPU s/GB |\n|---|---|---|\n", "| floor | 1000.0 |  |\n", "| node | 200.0 | 2.00 |\n"} {
		if !strings.Contains(sides.String(), line) {
			t.Errorf("no line %q in\n%s", line, sides.String())
		}
	}
}
