//go:build integration

package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A disk of 300 MiB, filled by others to the last byte and freed again, twice, under load: the node refuses records
// before it is full, does not crash, loses nothing, and is ready again soon after there is space.
func TestDiskFullTwiceUnderLoad(t *testing.T) {
	v := newVolume(t, 300<<20)
	d := directoryDestination(t) // on another disk: delivery goes on
	dir := t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	config := diskConfig(v, d)
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := launchProgram(t, path, dir, config)
	for round := range 2 {
		p.awaitReady()
		filler := loadWhileFilling(t, v, p, ledger)
		if round == 1 { // the second time it starts on the full disk, too
			p.kill()
			p = launchProgram(t, path, dir, config)
			p.eventually("it answers", func() bool { return p.readiness() == http.StatusServiceUnavailable })
		}
		p.delivered()
		filler.remove()
		start := time.Now()
		p.awaitReady()
		took := time.Since(start)
		t.Logf("round %d: ready %v after there was space", round, took.Round(time.Millisecond))
		if took > time.Minute {
			t.Errorf("ready only %v after there was space", took)
		}
	}
	p.post("full", "application/json", `{"key":"after","n":1}`)
	p.delivered()
	p.stop()
	t.Log(d.verifyAll(t, ledger))
}

// diskConfig lets the buffer have more than the disk.
func diskConfig(v *volume, d destinationUnderTest) string {
	return fmt.Sprintf(`
data_dir: %s
buffer: {max_disk: 1GiB}
streams:
  full:
    buffering: {size: 1MiB, interval: 1s}
    prefix: "key=!{partitionKeyFromQuery:key}/"
    partition_keys: {key: .key}
    destination:
      %s
`, filepath.Join(v.dir, "data"), d.yaml)
}

// The node's own backlog fills the disk while the destination is away: records are refused, what was taken is delivered
// once the destination is back, and that makes the space to take records again.
func TestDiskFilledByTheBacklog(t *testing.T) {
	v := newVolume(t, 300<<20)
	d := directoryDestination(t)
	dir := t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	if err := os.WriteFile(d.objects, []byte("in the way"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startIn(t, dir, diskConfig(v, d))
	load := startLoad(p, "full", ledger, "--connections", "4", "--batch", "100", "--size", "4096", "--keys", "5")
	p.eventually("records are refused", func() bool { return p.metric("hydrant_throttled_records_total") > 0 })
	load.stop()
	p.kill() // and the start on what it left delivers, too
	p = launchIn(t, dir, diskConfig(v, d))
	p.eventually("it answers", func() bool { return p.readiness() != 0 })
	if err := os.Remove(d.objects); err != nil {
		t.Fatal(err)
	}
	p.delivered()
	p.awaitReady()
	p.post("full", "application/json", `{"key":"after","n":1}`)
	p.delivered()
	p.stop()
	t.Log(d.verifyAll(t, ledger))
}

// loadWhileFilling returns when the disk is full, records were refused for it and the load has ended.
func loadWhileFilling(t *testing.T, v *volume, p *process, ledger string) *filler {
	t.Helper()
	before, refused := p.metric("hydrant_incoming_records_total"), p.metric("hydrant_throttled_records_total")
	load := startLoad(p, "full", ledger, "--connections", "4", "--batch", "50", "--keys", "5", "--rate", "10000")
	p.eventually("records are acknowledged", func() bool { return p.metric("hydrant_incoming_records_total") > before+1000 })
	f := v.fill()
	p.eventually("not ready", func() bool { return p.readiness() == http.StatusServiceUnavailable })
	f.write() // what the node has given up meanwhile
	p.eventually("records are refused", func() bool { return p.metric("hydrant_throttled_records_total") > refused })
	load.goOn(3 * time.Second) // on the full disk
	load.stop()
	f.write()
	return f
}

// filler takes all that a file system has, as another program would.
type filler struct {
	*os.File
	t *testing.T
}

func (v *volume) fill() *filler {
	v.t.Helper()
	file, err := os.Create(filepath.Join(v.dir, "filler"))
	if err != nil {
		v.t.Fatal(err)
	}
	f := &filler{file, v.t}
	v.t.Cleanup(func() { _ = f.Close() }) // or the file system stays busy
	f.write()
	return f
}

func (f *filler) write() {
	f.t.Helper()
	for chunk := make([]byte, 1<<20); len(chunk) > 0; {
		n, err := f.Write(chunk)
		if errors.Is(err, syscall.ENOSPC) {
			chunk = chunk[:(len(chunk)-n)/2]
		} else if err != nil {
			f.t.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.ENOSPC) {
		f.t.Fatal(err)
	}
}

func (f *filler) remove() {
	f.t.Helper()
	if err := errors.Join(os.Remove(f.Name()), f.Close()); err != nil {
		f.t.Fatal(err)
	}
}
