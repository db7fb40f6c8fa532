//go:build integration

package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// startWith does what startIn does, with flags of serve that go before the usual ones.
func startWith(t *testing.T, dir, config string, flags []string, environment ...string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := prepareProgram(t, path, dir, config, environment...)
	p.cmd.Args = append(p.cmd.Args, flags...)
	p.launch()
	p.awaitReady()
	return p
}

// SIGTERM under load: what was acknowledged is delivered before the process ends, and it ends well.
func TestStopUnderLoad(t *testing.T) {
	d := directoryDestination(t)
	dir := t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	config := strings.ReplaceAll(crashConfig(dir, d.yaml, 0), "interval: 1s", "interval: 1h")
	p := startIn(t, dir, config)
	load := startLoad(p, "crash", ledger, "--connections", "8", "--batch", "20", "--keys", "5", "--timeout", "2s")
	p.eventually("much is accepted", func() bool { return p.metric("hydrant_accepted_records_total") > 10000 })
	p.stop()
	load.stop()
	if !strings.Contains(p.output.String(), "everything is delivered") {
		t.Errorf("the node said:\n%s", p.output)
	}
	d.verifyAll(t, ledger)
}

// With the destination away, the grace period ends, the process ends well, and the next life delivers the rest.
func TestStopWhileTheStoreIsAway(t *testing.T) {
	t.Parallel() // it mostly waits
	d := s3Destination(t)
	dir := t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	p := startWith(t, dir, crashConfig(dir, d.yaml, 0), []string{"--grace", "10s"}, d.environment...)
	d.server.Stop(t)
	if _, err := runHydrant(t.Context(), t, nil, "bench", "--url", p.url, "--stream", "crash", "--ledger", ledger,
		"--connections", "8", "--batch", "20", "--keys", "5", "--records", "20000"); err != nil {
		t.Fatal(err)
	}
	p.stop()
	if !strings.Contains(p.output.String(), `after the next start" records=20000 reason="the time of --grace is over"`) {
		t.Errorf("the node said:\n%s", p.output)
	}
	d.server.Start(t)
	p = startIn(t, dir, crashConfig(dir, d.yaml, 0), d.environment...)
	p.delivered()
	p.stop()
	d.verifyAll(t, ledger)
}

// While it waits for a load balancer to look elsewhere, a node is not ready but serves on.
func TestDelayServesOn(t *testing.T) {
	d := directoryDestination(t)
	dir := t.TempDir()
	p := startWith(t, dir, crashConfig(dir, d.yaml, 0), []string{"--delay", "1h"})
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.eventually("not ready", func() bool {
		r, err := http.Get(p.admin + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		reasons, err := io.ReadAll(r.Body)
		return err == nil && r.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(reasons), "stopping")
	})
	p.post("crash", "application/json", `{"key":"k1","n":1}`)
}

// Somebody who looks on at the admin port keeps no node from ending well.
func TestStopCutsOffWhoLooksOn(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	p := startIn(t, dir, oneRecord(filepath.Join(dir, "data"), directoryDestination(t).yaml))
	c, err := net.Dial("tcp", strings.TrimPrefix(p.admin, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /debug/pprof/profile?seconds=600 HTTP/1.1\r\nHost: node\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	p.eventually("the profile is being taken", func() bool { return strings.Contains(p.get("/debug/pprof/goroutine?debug=1"), "pprof.Profile") })
	p.stop()
}

// A node whose buffer is moved away under it ends and says so, with nothing acknowledged that is not there; it goes on where
// the buffer is brought back.
func TestBufferIsMovedAway(t *testing.T) {
	t.Parallel() // it mostly waits
	d := directoryDestination(t)
	dir := t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	p := startIn(t, dir, crashConfig(dir, d.yaml, 0))
	send := func() {
		if _, err := runHydrant(t.Context(), t, nil, "bench", "--url", p.url, "--stream", "crash", "--ledger", ledger,
			"--connections", "8", "--batch", "20", "--keys", "5", "--records", "2000"); err != nil {
			t.Fatal(err)
		}
	}
	send()
	p.delivered() // so the next generation is made by now: in the middle of that Badger itself ends the process
	send()
	buffer := filepath.Join(dir, "data", "buffer")
	if err := os.Rename(buffer, buffer+"-moved"); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	if code := p.cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(p.output.String(), "was removed, moved or replaced") {
		t.Errorf("exit code %d, and the node said:\n%s", code, p.output)
	}
	if err := os.Rename(buffer+"-moved", buffer); err != nil {
		t.Fatal(err)
	}
	p = p.again()
	p.delivered()
	p.stop()
	d.verifyAll(t, ledger)
}
