//go:build integration

package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
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
	config := fmt.Sprintf(`
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
	p := startIn(t, dir, config)
	load := make(chan error, 1)
	var ended atomic.Bool
	go func() {
		_, err := runHydrant(t.Context(), t, nil, "bench", "--url", p.url, "--stream", "full", "--ledger", ledger,
			"--connections", "4", "--batch", "50", "--keys", "5", "--rate", "10000", "--duration", "30s")
		ended.Store(true)
		load <- err
	}()
	for round := range 2 {
		p.eventually("records are acknowledged", func() bool { return p.metric("hydrant_incoming_records_total") > 1000 })
		filler := v.fill()
		p.eventually("not ready", func() bool { return !p.ready() })
		v.fillFurther(filler)
		refused := p.metric("hydrant_throttled_records_total")
		p.eventually("records are refused", func() bool {
			return p.metric("hydrant_throttled_records_total") > refused || ended.Load()
		})
		if round == 1 { // the second time the node is killed on the full disk, too
			p.kill()
			p = startUnready(t, dir, config, p)
		}
		p.delivered()
		if err := os.Remove(filler.Name()); err != nil {
			t.Fatal(err)
		}
		if err := filler.Close(); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		p.awaitReady()
		took := time.Since(start)
		t.Logf("round %d: ready %v after there was space", round, took.Round(time.Millisecond))
		if took > time.Minute {
			t.Errorf("ready only %v after there was space", took)
		}
	}
	<-load // it may end with errors: its gateway was killed once
	p.post("full", "application/json", `{"key":"after","n":1}`)
	p.delivered()
	p.stop()
	t.Log(d.verifyAll(t, ledger))
}

// ready is what /readyz says now.
func (p *process) ready() bool {
	p.t.Helper()
	select {
	case <-p.ended:
		p.t.Fatalf("the node ended:\n%s", p.output)
	default:
	}
	r, err := http.Get(p.admin + "/readyz")
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	return r.StatusCode == http.StatusOK
}

// fill takes all that the file system has, as another program would.
func (v *volume) fill() *os.File {
	v.t.Helper()
	f, err := os.Create(filepath.Join(v.dir, "filler"))
	if err != nil {
		v.t.Fatal(err)
	}
	v.fillFurther(f)
	return f
}

func (v *volume) fillFurther(f *os.File) {
	v.t.Helper()
	for chunk := make([]byte, 1<<20); len(chunk) > 0; {
		if _, err := f.Write(chunk); errors.Is(err, syscall.ENOSPC) {
			chunk = chunk[:len(chunk)/2]
		} else if err != nil {
			v.t.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil {
		v.t.Fatal(err)
	}
}
