//go:build integration

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The real systemd-analyze takes the unit, with a program in the place that it names.
func TestSystemdUnit(t *testing.T) {
	text, err := os.ReadFile("../../configs/hydrant.service")
	must(t, err)
	path, err := binary()
	must(t, err)
	unit := filepath.Join(t.TempDir(), "hydrant.service")
	must(t, os.WriteFile(unit, []byte(strings.ReplaceAll(string(text), "/usr/local/bin/hydrant", path)), 0o644))
	out, err := exec.Command("systemd-analyze", "verify", unit).CombinedOutput()
	if err != nil || strings.Contains(string(out), unit) { // unknown settings are only warned of
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}
