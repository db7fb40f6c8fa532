//go:build integration

package main

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Four GiB through the buffer: the disk in use stays near what is undelivered, and ends at about nothing.
func TestFourGiBThroughTheBuffer(t *testing.T) {
	d := directoryDestination(t)
	dir := t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	p := startIn(t, dir, fmt.Sprintf(`
data_dir: %s
buffer: {max_disk: 8GiB}
streams:
  volume:
    buffering: {size: 64MiB, interval: 5s}
    prefix: "key=!{partitionKeyFromQuery:key}/"
    partition_keys: {key: .key}
    destination:
      %s
`, filepath.Join(dir, "data"), d.yaml))
	const records, size = 4 << 20, 1024
	load := make(chan error, 1)
	go func() {
		out, err := runHydrant(t.Context(), t, nil, "bench", "--url", p.url, "--stream", "volume", "--ledger", ledger,
			"--connections", "8", "--batch", "500", "--size", fmt.Sprint(size), "--keys", "4", "--records", fmt.Sprint(records))
		t.Log(out)
		load <- err
	}()
	buffer := filepath.Join(dir, "data", bufferDir)
	var most, excess float64
	for running := true; running; {
		select {
		case err := <-load:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		case <-time.After(200 * time.Millisecond): // between two samples
		}
		// Bytes settle while the directory is looked over; what was undelivered before or after was so for a part of it.
		before := p.metric("hydrant_pending_bytes")
		used := float64(occupied(t, buffer))
		most, excess = max(most, used), max(excess, used-max(before, p.metric("hydrant_pending_bytes")))
	}
	p.delivered()
	p.eventually("the disk is given back", func() bool { return occupied(t, buffer) < 64<<20 })
	t.Logf("at most %.0f MiB in use, at most %.0f MiB more than was undelivered, %d MiB at the end", most/(1<<20), excess/(1<<20), occupied(t, buffer)>>20)
	// Three generations beside the undelivered bytes: the current one, the next one, and a partly settled one.
	if excess > 3*256<<20+128<<20 {
		t.Errorf("%.0f MiB more than the undelivered bytes were in use", excess/(1<<20))
	}
	p.stop()
	t.Log(d.verifyAll(t, ledger))
}

// occupied is what the buffer's files take of the disk, holes and the reserve left out: that one is kept for a full disk.
func occupied(t *testing.T, dir string) int64 {
	t.Helper()
	var total int64
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "reserve" {
			return nil // generations come and go
		}
		if info, err := e.Info(); err == nil {
			total += info.Sys().(*syscall.Stat_t).Blocks * 512
		}
		return nil
	})
	return total
}
