//go:build integration

package suite

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hydrant/bench"
)

// TestPageInABrowser opens a result in a real browser without a network: every plot is drawn.
func TestPageInABrowser(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("the test needs chromium:", err)
	}
	path := filepath.Join(t.TempDir(), "result.html")
	r := resultOf("0123456789abcdef", repeatOf(100, 60, 2.5), repeatOf(100, 70, 3.5))
	r.Rows = append(r.Rows, conclude(&fake{}, []Sample{repeatOf(50, 60, 2.5)}))
	if err := bench.WriteFile(path, r.WriteHTML); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	page, err := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(),
		"--virtual-time-budget=2000", "--dump-dom", "file://"+path).Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), `data-plots="3"`) {
		t.Error("the plots are not drawn")
	}
}
