//go:build integration

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// reload writes the configuration and waits until the node has applied or rejected it.
func (p *process) reload(config, result string) {
	p.t.Helper()
	counter := fmt.Sprintf(`hydrant_config_reloads_total{result=%q}`, result)
	before := p.series(counter)
	if err := os.WriteFile(p.config(), []byte(config), 0o644); err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		p.t.Fatal(err)
	}
	p.eventually("the reload is "+result, func() bool { return p.series(counter) == before+1 })
}

// config is the path of the node's configuration.
func (p *process) config() string { return p.cmd.Args[3] }

// A hundred reloads under load, half of them bad, in turn with other prefixes, sizes and streams: nothing acknowledged is
// lost, doubled or misplaced, and a bad file changes nothing.
func TestReloadStorm(t *testing.T) {
	d := directoryDestination(t)
	dir := t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	good := func(i int) string {
		config := strings.ReplaceAll(crashConfig(dir, d.yaml, i), "size: 1MiB", fmt.Sprintf("size: %dMiB", 1+i%4))
		if i%2 == 1 {
			config += fmt.Sprintf("  other: {destination: {directory: {path: %s}}}\n", filepath.Join(dir, "other"))
		}
		return config
	}
	bad := []string{
		"data_dir: [",
		"streams: {}\nunknown: 1\n",
		strings.Replace(good(0), "interval: 1s", "interval: soon", 1),
		strings.Replace(good(0), "max_disk: 1GiB", "max_disk: 2GiB", 1),
		strings.Replace(good(0), "prefix:", "prefix: \"!{timestamp:b}/\"\n    prefix:", 1),
		"",
	}
	p := startIn(t, dir, good(0))
	load := make(chan error, 1)
	go func() {
		_, err := runHydrant(t.Context(), t, nil, "bench", "--url", p.url, "--stream", "crash", "--ledger", ledger,
			"--connections", "8", "--batch", "20", "--keys", "5", "--rate", "8000", "--duration", "20s")
		load <- err
	}()
	p.eventually("the load has begun", func() bool { return p.metric("hydrant_accepted_records_total") > 1000 })
	for i := range 50 {
		p.reload(good(i), applied)
		p.reload(bad[i%len(bad)], rejected)
	}
	if err := <-load; err != nil {
		t.Fatal(err)
	}
	if refused := p.metric("hydrant_refused_requests_total"); refused != 0 {
		t.Errorf("%v requests were refused", refused)
	}
	p.reload(good(1), applied)
	p.post("other", "application/json", `{"key":"k"}`)
	p.delivered()
	p.stop()
	t.Logf("after 101 reloads: %v", d.verifyAll(t, ledger))
}

// What a reload cannot change is named.
func TestReloadNamesWhatNeedsARestart(t *testing.T) {
	d := directoryDestination(t)
	dir := t.TempDir()
	config := crashConfig(dir, d.yaml, 0)
	p := startIn(t, dir, config)
	p.reload(strings.Replace(config, "max_disk: 1GiB", "max_disk: 2GiB, stream_share: 1GiB", 1), rejected)
	if p.metric("hydrant_config_last_reload_successful") != 0 {
		t.Error("the metric says that the reload succeeded")
	}
	p.stop()
	if !strings.Contains(p.output.String(), "buffer.max_disk, buffer.stream_share: a reload changes streams and credentials only") {
		t.Errorf("the node said:\n%s", p.output)
	}
}

// A reload that is asked for while the node starts is done once it has started, and does not end it.
func TestReloadDuringTheStart(t *testing.T) {
	t.Parallel() // it mostly waits
	d := directoryDestination(t)
	dir := t.TempDir()
	p := launchIn(t, dir, crashConfig(dir, d.yaml, 0))
	lock := filepath.Join(dir, "data", bufferDir, "LOCK")
	p.eventually("the buffer is being opened", func() bool { _, err := os.Stat(lock); return err == nil })
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.awaitReady()
	p.eventually("the reload is applied", func() bool { return p.series(fmt.Sprintf(`hydrant_config_reloads_total{result=%q}`, applied)) == 1 })
	p.stop()
}
