package configs

import (
	"encoding/json"
	"strings"
	"testing"
)

type panel struct {
	ID      int
	Type    string
	Title   string
	GridPos struct{ X, Y, W, H int }
	Targets []struct{ Expr, RefID string }
}

// overlaps reports whether two panels share a cell of the grid.
func (p panel) overlaps(q panel) bool {
	a, b := p.GridPos, q.GridPos
	return a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H
}

// The dashboard asks only for metrics that a node has, of the job and nodes that are chosen, and its panels lie side by side.
func TestDashboard(t *testing.T) {
	text := readFile(t, "grafana-dashboard.json")
	checkMetrics(t, text)
	var dashboard struct {
		UID, Title    string
		SchemaVersion int
		Panels        []panel
	}
	if err := json.Unmarshal([]byte(text), &dashboard); err != nil {
		t.Fatal(err)
	}
	if dashboard.UID == "" || dashboard.Title == "" || dashboard.SchemaVersion == 0 || len(dashboard.Panels) < 20 {
		t.Fatalf("not a whole dashboard: %s, %d panels", dashboard.Title, len(dashboard.Panels))
	}
	for i, p := range dashboard.Panels {
		checkPanel(t, p)
		for _, q := range dashboard.Panels[:i] {
			if p.overlaps(q) || p.ID == q.ID {
				t.Errorf("%q and %q overlap, or have one number", p.Title, q.Title)
			}
		}
	}
}

func checkPanel(t *testing.T, p panel) {
	t.Helper()
	if g := p.GridPos; p.Title == "" || g.X < 0 || g.W < 1 || g.H < 1 || g.X+g.W > 24 {
		t.Errorf("%q lies outside the grid: %+v", p.Title, g)
	}
	if len(p.Targets) == 0 && p.Type != "row" {
		t.Errorf("%q shows nothing", p.Title)
	}
	for _, target := range p.Targets {
		if strings.Count(target.Expr, "{") != strings.Count(target.Expr, `instance=~"$instance"`) {
			t.Errorf("%q: %s asks for all nodes, whichever are chosen", p.Title, target.Expr)
		}
	}
}
