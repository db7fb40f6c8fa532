//go:build integration

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// README's commands are run as they stand there, one after the other, in a copy of the project.
func TestReadmeTour(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	serve := regexp.MustCompile("(?s)```sh\n(.*?)\n```").FindStringSubmatch(string(text))
	tour := regexp.MustCompile("(?s)```sh tour\n(.*?)\n```").FindAllStringSubmatch(string(text), -1)
	if serve == nil || len(tour) < 6 {
		t.Fatalf("README has %d blocks of the tour", len(tour))
	}
	dir := filepath.Join(t.TempDir(), "hydrant")
	if out, err := exec.Command("git", "clone", "--quiet", "../..", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	node := exec.Command("bash", "-c", "exec "+serve[1])
	node.Dir = dir
	node.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // go run and the program it runs
	var output strings.Builder
	node.Stdout, node.Stderr = &output, &output
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-node.Process.Pid, syscall.SIGTERM) // the group that this test started
		_ = node.Wait()
		if t.Failed() {
			t.Logf("the node said:\n%s", output.String())
		}
	})
	p := &process{t: t, cmd: node, admin: "http://127.0.0.1:8081", ended: make(chan struct{})}
	p.awaitReady()

	script := "set -euo pipefail\n"
	for _, block := range tour {
		script += block[1] + "\n"
	}
	user := exec.CommandContext(t.Context(), "bash", "-c", script)
	user.Dir = dir
	out, err := user.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{`"records":2`, `{"hello":"world"}`, `"RecordId"`, "hydrant_delivered_records_total"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the tour's output lacks %s:\n%s", want, out)
		}
	}
}
