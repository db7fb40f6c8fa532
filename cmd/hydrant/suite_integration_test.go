//go:build integration

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hydrant/bench/suite"
)

// TestBenchSuite runs the whole suite, quickly: every row is measured, what it says makes sense, and nothing is left.
func TestBenchSuite(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	file := filepath.Join(out, "result.json")
	table, err := runHydrant(t.Context(), t, nil, "bench", "suite", "--quick", "--dir", dir, "--json", file, "--out", out)
	if err != nil {
		t.Fatal(err)
	}
	nothingLeft(t, dir)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var result suite.Result
	if err := json.Unmarshal(data, &result); err != nil {
		t.Fatal(err)
	}
	listed, err := runHydrant(t.Context(), t, nil, "bench", "suite", "--list")
	if err != nil {
		t.Fatal(err)
	}
	if rows := strings.Count(listed, "\n"); rows != len(result.Rows) || rows < 10 {
		t.Errorf("%d rows in the result, %d in the list", len(result.Rows), rows)
	}
	for i, line := range strings.Split(strings.TrimSpace(listed), "\n") {
		name, _, _ := strings.Cut(line, " ")
		if result.Rows[i].Name != name || !strings.Contains(table, name) {
			t.Errorf("row %d is %s, want %s, also in the table", i, result.Rows[i].Name, name)
		}
		sane(t, result.Rows[i])
	}
	for _, pattern := range []string{"*Z-*.json", "*Z-*.html"} {
		if found, err := filepath.Glob(filepath.Join(out, pattern)); err != nil || len(found) != 1 {
			t.Errorf("%s: %v %v, want one file", pattern, found, err)
		}
	}
	compared, err := runHydrant(t.Context(), t, nil, "bench", "suite", "compare", file, file)
	if err != nil || !strings.Contains(compared, "1.00") {
		t.Errorf("the run beside itself: %v\n%s", err, compared)
	}
}

// sane wants figures that a working suite may have on any machine.
func sane(t *testing.T, row suite.RowResult) {
	t.Helper()
	if len(row.Errors) > 0 || len(row.Repeats) != 1 || len(row.Sides) == 0 || len(row.Outcomes) == 0 {
		t.Errorf("%s: %d repeats, %d sides, %d outcomes, errors %q", row.Name, len(row.Repeats), len(row.Sides), len(row.Outcomes), row.Errors)
	}
	usual := func(v float64) bool { return v >= 0 && !math.IsInf(v, 0) }
	for _, o := range row.Outcomes {
		if !usual(o.Value) || len(o.Values) != 1 {
			t.Errorf("%s: %s is %v of %v", row.Name, o.Measure, o.Value, o.Values)
		}
	}
	for _, s := range row.Sides {
		for figure, v := range s.Figures {
			if !usual(v) {
				t.Errorf("%s: %s: %s is %v", row.Name, s.Name, figure, v)
			}
		}
		for _, figure := range []string{"requests_per_second", "peak_rss_anon_megabytes", "group_bytes", "seconds", "ack_p50_ms", "compression_ratio"} {
			if v, ok := s.Figures[figure]; ok && v == 0 {
				t.Errorf("%s: %s: %s is 0", row.Name, s.Name, figure)
			}
		}
	}
}

// TestBenchSuiteIsInterrupted stops the suite in the middle, as Ctrl-C does and as kill -9 does: no process of it goes on.
func TestBenchSuiteIsInterrupted(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for name, signal := range map[string]os.Signal{"interrupted": os.Interrupt, "killed": os.Kill} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, path, "bench", "suite", "--dir", dir, "--duration", "1h", "--rows", "^ndjson$")
			var output bytes.Buffer
			cmd.Stdout, cmd.Stderr = &output, &output
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			awaitSuite(t, "its floor runs", func() bool { return len(processes(t, path)) == 2 })
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			var exit *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &exit) {
				t.Fatalf("it ended with %v", err)
			}
			awaitSuite(t, "no process is left", func() bool { return len(processes(t, path)) == 0 })
			if signal == syscall.SIGINT {
				nothingLeft(t, dir)
				if !strings.Contains(output.String(), "interrupted in ndjson") {
					t.Errorf("it says:\n%s", &output)
				}
			}
		})
	}
}

func awaitSuite(t *testing.T, what string, condition func() bool) {
	t.Helper()
	if !comesToHold(time.Minute, condition) {
		t.Fatalf("%s: not within a minute", what)
	}
}

// nothingLeft wants no process of the binary, and nothing in the directory.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	if running := processes(t, path); len(running) > 0 {
		t.Errorf("still running: %q", running)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the directory: %v %v", left, err)
	}
}

// processes are the command lines of a program's running processes.
func processes(t *testing.T, path string) (running []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		line, err := os.ReadFile(file)
		if program, _, _ := strings.Cut(string(line), "\x00"); err == nil && program == path { // others may have ended meanwhile
			running = append(running, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return running
}
