//go:build integration

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// crashConfig keeps everything small, so that seals, uploads and rotations happen all the time. The prefix changes with
// the cycle: a version is in force from one record on.
func crashConfig(dir, destination string, cycle int) string {
	prefix := "key=!{partitionKeyFromQuery:key}/"
	if cycle%3 == 2 {
		prefix = "v2/!{timestamp:yyyy-MM-dd}/" + prefix
	}
	return fmt.Sprintf(`
data_dir: %s
buffer: {max_disk: 1GiB}
streams:
  crash:
    buffering: {size: 1MiB, interval: 1s}
    prefix: %q
    partition_keys: {key: .key}
    destination:
      %s
`, filepath.Join(dir, "data"), prefix, destination)
}

// kill -9 at random moments under load: nothing acknowledged is lost, doubled or misplaced, and every start is clean.
func TestKillNine(t *testing.T) {
	for name, destination := range map[string]func(*testing.T) destinationUnderTest{
		"directory": directoryDestination,
		"s3":        s3Destination,
	} {
		t.Run(name, func(t *testing.T) { killNine(t, destination(t), kills(t)) })
	}
}

// kills is how many: HYDRANT_TEST_KILLS, or 20.
func kills(t *testing.T) int {
	text := os.Getenv("HYDRANT_TEST_KILLS")
	if text == "" {
		return 20
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("HYDRANT_TEST_KILLS: %v", err)
	}
	return n
}

func killNine(t *testing.T, d destinationUnderTest, cycles int) {
	dir := t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	for cycle := range cycles {
		p := startIn(t, dir, crashConfig(dir, d.yaml, cycle), d.environment...)
		load := startLoad(p, "crash", ledger, "--connections", "8", "--batch", fmt.Sprint(1+cycle%2*49), "--keys", "5",
			"--timeout", "1s", "--api", []string{"native", "firehose"}[cycle%4/2])
		load.goOn(rand.N(1500 * time.Millisecond))
		p.kill()
		load.stop()
	}
	p := startIn(t, dir, crashConfig(dir, d.yaml, 0), d.environment...)
	p.delivered()
	p.stop()
	t.Logf("after %d kills: %v", cycles, d.verifyAll(t, ledger))
}

// A slow stream's few records are rewritten forward while a fast one fills a small disk, and the node is killed all the
// time: both streams' records are delivered once, and the disk that the slow ones pin stays bounded.
func TestKillNineWhileRewriting(t *testing.T) {
	d := directoryDestination(t)
	dir := t.TempDir()
	fast, slow := filepath.Join(dir, "fast"), filepath.Join(dir, "slow")
	config := strings.Replace(crashConfig(dir, d.yaml, 0), "1GiB", "256MiB", 1)
	config += strings.NewReplacer("  crash:", "  slow:", "interval: 1s", "interval: 1h").Replace(config[strings.Index(config, "  crash:"):])
	load := func(ctx context.Context, p *process, stream, ledger, rate string) error {
		_, err := runHydrant(ctx, t, nil, "bench", "--url", p.url, "--stream", stream, "--ledger", ledger, "--rate", rate,
			"--connections", "4", "--batch", "20", "--size", "2048", "--keys", "5", "--duration", "4s", "--timeout", "1s")
		return err
	}
	for range 6 {
		p := startIn(t, dir, config)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		var loads sync.WaitGroup
		loads.Go(func() { _ = load(ctx, p, "crash", fast, "20000") }) // they end with errors: their gateway goes
		loads.Go(func() { _ = load(ctx, p, "slow", slow, "40") })
		<-ctx.Done()
		p.kill()
		loads.Wait()
		cancel()
	}
	p := startIn(t, dir, config)
	p.eventually("what the slow stream pins is given back", func() bool { return p.metric("hydrant_buffer_disk_bytes") < 128<<20 })
	p.stop()
	t.Log(d.verifyAll(t, fast), d.verifyAll(t, slow))
}

// What a killed node leaves is delivered by one command.
func TestDrainAfterAKill(t *testing.T) {
	d := directoryDestination(t)
	dir := t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	config := strings.ReplaceAll(crashConfig(dir, d.yaml, 0), "interval: 1s", "interval: 1h")
	p := startIn(t, dir, config)
	if _, err := runHydrant(t.Context(), t, nil, "bench", "--url", p.url, "--stream", "crash", "--ledger", ledger,
		"--connections", "4", "--batch", "10", "--keys", "5", "--records", "20000"); err != nil {
		t.Fatal(err)
	}
	p.kill()
	out, err := runHydrant(t.Context(), t, nil, "drain", "--config", filepath.Join(dir, "hydrant.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "everything is delivered") {
		t.Errorf("drain said %q", out)
	}
	d.verifyAll(t, ledger)
}

// A store that is away for a minute: nothing is refused meanwhile, and everything is delivered afterwards, once, in
// objects of a good size.
func TestStoreAwayForAMinute(t *testing.T) {
	t.Parallel() // it mostly waits
	d := s3Destination(t)
	dir := t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	p := startIn(t, dir, crashConfig(dir, d.yaml, 0), d.environment...)
	load := startLoad(p, "crash", ledger, "--connections", "8", "--batch", "100", "--keys", "5", "--rate", "10000")
	p.eventually("objects are delivered", func() bool { return p.metric("hydrant_delivered_objects_total") > 5 })
	d.server.Stop(t)
	before := p.metric("hydrant_delivered_objects_total")
	load.goOn(time.Minute) // the outage itself
	d.server.Start(t)
	load.stop()
	p.delivered()
	if refused := p.metric("hydrant_refused_requests_total"); refused != 0 {
		t.Errorf("%v requests were refused during the outage", refused)
	}
	objects := p.metric("hydrant_delivered_objects_total") - before
	p.stop()
	verdict := d.verifyAll(t, ledger)
	t.Logf("%v objects after the outage; %v", objects, verdict)
	if objects > 1000 {
		t.Errorf("the backlog became %v objects", objects)
	}
}
