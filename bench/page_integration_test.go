//go:build integration

package bench

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPageInABrowser opens reports in a real browser without a network: every plot is drawn.
func TestPageInABrowser(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("the test needs chromium:", err)
	}
	one := &Report{Run: "1", Series: Series{Width: 1, Points: []Point{{Records: 5, P50: 1, P99: 2, P999: 3}, {}, {Records: 7, Failed: 1, P50: 1, P99: 2, P999: 4}}}}
	two := &Report{Run: "2", Series: Series{Width: 2, Points: []Point{{Records: 9, P50: 1, P99: 2, P999: 3}}}}
	for name, reports := range map[string][]*Report{"one": {one}, "two": {one, two}} {
		path := filepath.Join(t.TempDir(), name+".html")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := writePage(f, name, reports...); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		page, err := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(),
			"--virtual-time-budget=2000", "--dump-dom", "file://"+path).Output()
		if err != nil {
			t.Fatal(name, err)
		}
		if !strings.Contains(string(page), `data-plots="3"`) {
			t.Errorf("%s: the plots are not drawn", name)
		}
	}
}
