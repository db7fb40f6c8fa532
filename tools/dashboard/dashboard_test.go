// Package dashboard holds the Grafana dashboard to the types that Grafana's own SDK is made of.
package dashboard

import (
	"os"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// The dashboard is decoded strictly: a key that Grafana does not know, a value of another type, an option that its panel does not
// have or a query that is not Prometheus' fails.
func TestDashboard(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	text, err := os.ReadFile("../../configs/grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board dashboard.Dashboard
	if err := board.UnmarshalJSONStrict(text); err != nil && err.Error() != "" { // an empty list of faults is not nil
		t.Error(err)
	}
	if err := board.Validate(); err != nil {
		t.Error(err)
	}
	if len(board.Panels) < 20 {
		t.Errorf("only %d panels", len(board.Panels))
	}
}
