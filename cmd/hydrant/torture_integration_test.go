//go:build integration

package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tortured is what a report says.
type tortured struct {
	OK       bool
	Problems []string
	LeftOut  []struct{ Name, Why string } `json:"left_out"`
	Verdict  struct{ Faults map[string]int64 }
}

func runTorture(t *testing.T, environment []string, arguments ...string) (tortured, error) {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report.json")
	_, failed := runHydrant(t.Context(), t, environment,
		append([]string{"bench", "torture", "--dir", t.TempDir(), "--report", report}, arguments...)...)
	var r tortured
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatalf("there is no report: %v: %v", err, failed)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r, failed
}

// Every fault there is, once: all is survived. HYDRANT_TEST_TORTURE goes on for so long, HYDRANT_TEST_SEED takes another order.
func TestTorture(t *testing.T) {
	much := []string{"--times", "*=1", "--duration", "15m"}
	if duration := os.Getenv("HYDRANT_TEST_TORTURE"); duration != "" {
		much = []string{"--duration", duration}
	}
	r, err := runTorture(t, nil, append(much, "--seed", cmp.Or(os.Getenv("HYDRANT_TEST_SEED"), "2026"), "--pause", "200ms")...)
	if err != nil || !r.OK {
		t.Errorf("%v: %q", err, r.Problems)
	}
	if len(r.LeftOut) > 0 {
		t.Errorf("left out: %v", r.LeftOut)
	}
}

// A real store checks what the small one believes: signatures, which a wrong clock spoils, and parts.
func TestTortureOnARealStore(t *testing.T) {
	t.Parallel() // it mostly waits
	d := s3Destination(t)
	r, err := runTorture(t, d.environment, "--s3", "s3://lake/try", "--endpoint", d.server.Endpoint,
		"--times", "clock-jumps=2,store-parts=1,store-lost-answer=1", "--rate", "300", "--pause", "200ms", "--duration", "15m")
	if err != nil || !r.OK || len(r.LeftOut) > 0 {
		t.Errorf("%v: %q, left out %v", err, r.Problems, r.LeftOut)
	}
}

// A verdict that cannot be bad proves nothing: each mutant turns it.
func TestTortureFindsMutants(t *testing.T) {
	t.Parallel() // each mostly waits for its nodes
	for mutant, want := range map[string]string{
		"drop": "lost", "vanish": "lost", "double": "doubled", "repeat": "doubled", "change": "changed", "misplace": "misplaced",
		"cut": "broken", "flip": "broken", "early": "not whole",
	} {
		t.Run(mutant, func(t *testing.T) {
			t.Parallel()
			r, err := runTorture(t, nil, "--mutant", mutant, "--faults", "none", "--nodes", "1", "--records", "500", "--duration", "15m", "--rate", "500")
			if err == nil || r.OK {
				t.Fatalf("the mutant was not found: %+v", r)
			}
			if found := fmt.Sprint(r.Verdict.Faults, r.Problems); !strings.Contains(found, want) {
				t.Errorf("%s was not what was found: %s", want, found)
			}
		})
	}
}

// And a node that acknowledges before its sync, at a power cut. The first one may come before anything is acknowledged.
func TestTortureFindsMissingSyncs(t *testing.T) {
	t.Parallel() // it mostly waits
	program, err := nosyncBinary()
	if err != nil {
		t.Fatal(err)
	}
	r, err := runTorture(t, nil, "--program", program, "--times", "power=2", "--nodes", "1", "--duration", "15m", "--pause", "2s", "--rate", "500")
	if err == nil || r.OK {
		t.Fatalf("nothing was found: %+v", r)
	}
}
