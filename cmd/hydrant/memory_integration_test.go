//go:build integration

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hydrant/delivery/format"
	"hydrant/stream"
)

// anonymous is the memory that the process has for itself, mapped files left out.
func (p *process) anonymous() int64 {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				p.t.Fatal(err)
			}
			return n << 10
		}
	}
	p.t.Fatal("the kernel does not tell RssAnon")
	return 0
}

// whileSampling calls fn and returns the most memory that the process had meanwhile.
func (p *process) whileSampling(fn func() error) int64 {
	p.t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- fn() }()
	var most int64
	for {
		most = max(most, p.anonymous())
		select {
		case err := <-ended:
			if err != nil {
				p.t.Fatal(err)
			}
			return most
		case <-time.After(50 * time.Millisecond): // between two samples
		}
	}
}

func send(t *testing.T, p *process, name string, records, size, keys int, more ...string) error {
	arguments := []string{
		"bench", "--url", p.url, "--stream", name, "--connections", "8", "--batch", "500",
		"--size", fmt.Sprint(size), "--keys", fmt.Sprint(keys), "--records", fmt.Sprint(records),
	}
	_, err := runHydrant(t.Context(), t, nil, append(arguments, more...)...)
	return err
}

// partitionsAtOnce is HYDRANT_TEST_PARTITIONS, or 10,000, and the memory that a node is given for as many.
func partitionsAtOnce(t *testing.T) (n int, memory stream.Size) {
	text := os.Getenv("HYDRANT_TEST_PARTITIONS")
	if text == "" {
		return 10_000, 256 * stream.MiB
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("HYDRANT_TEST_PARTITIONS: %v", err)
	}
	return n, 900 * stream.MiB
}

// 10,000 partitions, or 100,000, are open at once, with more in them than memory has room for. None is sealed early, and
// the process keeps below a GiB, also when it reads them all again after a kill.
func TestManyPartitions(t *testing.T) {
	d := directoryDestination(t)
	dir := t.TempDir()
	partitions, memory := partitionsAtOnce(t)
	records, size := 60*partitions, 512
	p := startIn(t, dir, fmt.Sprintf(`
data_dir: %s
memory: %s
streams:
  wide:
    partitions: {max: %d}
    buffering: {interval: 2h}
    prefix: "key=!{partitionKeyFromQuery:key}/"
    partition_keys: {key: .key}
    destination:
      %s
`, filepath.Join(dir, "data"), memory, partitions, d.yaml))
	var most int64
	sample := func(fn func() error) { most = max(most, p.whileSampling(fn)) }
	read := func() error {
		p.eventually("everything is read", func() bool { return p.metric("hydrant_open_objects") == float64(partitions) })
		p.eventually("objects are in scratch", func() bool { return p.metric("hydrant_scratch_bytes") > 0 })
		return nil
	}
	sample(func() error { return send(t, p, "wide", records, size, partitions) })
	sample(read)
	p.kill()
	p = p.again()
	sample(read)
	t.Logf("at most %d MiB of memory, %.0f MiB of it in objects, %.0f MiB in scratch", most>>20,
		p.metric("hydrant_memory_used_bytes")/(1<<20), p.metric("hydrant_scratch_bytes")/(1<<20))
	if most > 1<<30 {
		t.Errorf("%d MiB of memory for %d partitions", most>>20, partitions)
	}
	if early := p.metric("hydrant_sealed_objects_total"); early != 0 {
		t.Errorf("%v objects were sealed early", early)
	}
}

// Many more partitions than may be open, over kills: each record is in its place once, whatever was delivered early.
func TestKillNineBeyondThePartitionsBound(t *testing.T) {
	d := directoryDestination(t)
	dir := t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	config := strings.Replace(crashConfig(dir, d.yaml, 0), "interval: 1s}", "interval: 1h}\n    partitions: {max: 50}", 1)
	early := 0.0
	for range 4 {
		p := startIn(t, dir, config)
		load := startLoad(p, "crash", ledger, "--connections", "2", "--batch", "10", "--keys", "120", "--rate", "1000")
		p.eventually("partitions are delivered early", func() bool {
			early = p.metric(`hydrant_sealed_objects_total{reason="partitions",stream="crash"}`)
			return early > 20
		})
		if open := p.metric("hydrant_active_partitions"); open > 50+120 {
			t.Errorf("%v partitions are open", open)
		}
		p.kill()
		load.stop()
	}
	p := startIn(t, dir, config)
	p.stop() // delivers the rest
	d.verifyAll(t, ledger)
}

// backlogSize is HYDRANT_TEST_BACKLOG, or 1 GiB.
func backlogSize(t *testing.T) int64 {
	text := os.Getenv("HYDRANT_TEST_BACKLOG")
	if text == "" {
		return 1 << 30
	}
	var size stream.Size
	if err := size.UnmarshalText([]byte(text)); err != nil {
		t.Fatalf("HYDRANT_TEST_BACKLOG: %v", err)
	}
	return int64(size)
}

// backlogStart is how long a start with a backlog may take: the promised 5 s where somebody asks for a size, and so for a
// measurement. Otherwise the machine may be busy with anything.
func backlogStart() time.Duration {
	if os.Getenv("HYDRANT_TEST_BACKLOG") != "" {
		return 5 * time.Second
	}
	return time.Minute
}

// backlogMemory is what the process may take: by default and as promised where that is measured, and some more where the
// machine may be busy with anything.
func backlogMemory() int64 {
	promised := int64(defaultMemory(os.DirFS("/")) + memoryAllowance)
	if os.Getenv("HYDRANT_TEST_BACKLOG") != "" {
		return promised
	}
	return promised + 32<<20
}

// A destination that was down leaves a backlog. The next start takes records within seconds, however much there is, and
// the backlog drains in little memory.
func TestBacklogDrainsInLittleMemory(t *testing.T) {
	d := directoryDestination(t)
	dir := t.TempDir()
	const size, keys = 1024, 4
	records := int(backlogSize(t) / size)
	config := fmt.Sprintf(`
data_dir: %s
buffer: {max_disk: 30GiB}
streams:
  late:
    buffering: {interval: 5s}
    prefix: "key=!{partitionKeyFromQuery:key}/"
    partition_keys: {key: .key}
    destination:
      %s
`, filepath.Join(dir, "data"), d.yaml)
	if err := os.WriteFile(d.objects, []byte("in the way"), 0o644); err != nil {
		t.Fatal(err)
	}
	ledger := filepath.Join(dir, "ledger")
	p := startIn(t, dir, config)
	most := p.whileSampling(func() error { return send(t, p, "late", records, size, keys, "--ledger", ledger) })
	p.kill()
	if err := os.Remove(d.objects); err != nil {
		t.Fatal(err)
	}

	start := time.Now()
	p = startIn(t, dir, config)
	p.post("late", "application/json", `{"key":"first"}`)
	pending := p.metric("hydrant_pending_bytes")
	t.Logf("ready %v after the start, with %.0f MiB pending", time.Since(start), pending/(1<<20))
	if took, limit := time.Since(start), backlogStart(); took > limit {
		t.Errorf("the first record could be taken only after %v, want %v at most", took, limit)
	}
	start = time.Now()
	var speed float64
	draining := p.whileSampling(func() error {
		const most = 0.9 // what is left at the end waits for its interval
		left := pending
		p.within(time.Hour, "most of the backlog is delivered", func() bool {
			left = p.metric("hydrant_pending_bytes") // falls by several objects at once
			return left <= (1-most)*pending
		})
		speed = (pending - left) / 1e6 / time.Since(start).Seconds()
		p.within(time.Hour, "the backlog is delivered", func() bool { return p.metric("hydrant_pending_bytes") == 0 })
		return nil
	})
	t.Logf("at most %d MiB of memory while the backlog came, %d MiB while it drained", most>>20, draining>>20)
	t.Logf("drained at %.0f MB/s; the compressor alone makes %.0f MB/s of these records on all cores", speed, compressorSpeed(t, d.objects))
	if most = max(most, draining); most > backlogMemory() {
		t.Errorf("%d MiB of memory, want %d at most", most>>20, backlogMemory()>>20)
	}
	p.stop()
	d.verifyAll(t, ledger)
}

// compressorSpeed is how many megabytes a second of what the objects below a directory hold their codec takes, on all cores
// and with nothing else to do.
func compressorSpeed(t *testing.T, objects string) float64 {
	codec, err := format.ByName("gzip")
	if err != nil {
		t.Fatal(err)
	}
	raw := beginning(t, codec, objects)
	const d = 3 * time.Second
	var done atomic.Int64
	var running sync.WaitGroup
	start := time.Now()
	for range runtime.GOMAXPROCS(0) {
		running.Go(func() {
			for chunk := []byte(nil); time.Since(start) < d; done.Add(int64(len(raw))) {
				chunk = codec.Chunk(chunk[:0], raw)
			}
		})
	}
	running.Wait()
	return float64(done.Load()) / 1e6 / time.Since(start).Seconds()
}

// beginning is a chunk of what the largest object holds.
func beginning(t *testing.T, codec format.Codec, objects string) []byte {
	var path string
	var largest int64
	err := filepath.WalkDir(objects, func(p string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Size() > largest {
			path, largest = p, info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	packed, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	plain, err := codec.Decode(packed)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	raw := make([]byte, 256<<10) // what delivery compresses at once
	if _, err := io.ReadFull(plain, raw); err != nil {
		t.Fatal(err)
	}
	return raw
}

// outageIntervals is HYDRANT_TEST_OUTAGE_INTERVALS, or 20.
func outageIntervals(t *testing.T) int {
	text := os.Getenv("HYDRANT_TEST_OUTAGE_INTERVALS")
	if text == "" {
		return 20
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("HYDRANT_TEST_OUTAGE_INTERVALS: %v", err)
	}
	return n
}

// Two streams get the same records; one's destination is down for many intervals. It ends with at most twice as many
// objects as the other.
func TestOutageDoesNotMultiplyObjects(t *testing.T) {
	t.Parallel() // it mostly waits
	well, ill := directoryDestination(t), directoryDestination(t)
	dir := t.TempDir()
	definition := `
  %s:
    buffering: {interval: 1s}
    prefix: "key=!{partitionKeyFromQuery:key}/"
    partition_keys: {key: .key}
    destination:
      %s`
	p := startIn(t, dir, fmt.Sprintf("data_dir: %s\nstreams:", filepath.Join(dir, "data"))+
		fmt.Sprintf(definition, "well", well.yaml)+fmt.Sprintf(definition, "ill", ill.yaml))
	if err := os.WriteFile(ill.objects, []byte("in the way"), 0o644); err != nil {
		t.Fatal(err)
	}
	duration := (time.Duration(outageIntervals(t)) * time.Second).String()
	ended := make(chan error, 2)
	for _, name := range []string{"well", "ill"} {
		go func() {
			_, err := runHydrant(t.Context(), t, nil, "bench", "--url", p.url, "--stream", name, "--connections", "2",
				"--batch", "10", "--keys", "5", "--rate", "2000", "--duration", duration)
			ended <- err
		}()
	}
	for range 2 {
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(ill.objects); err != nil {
		t.Fatal(err)
	}
	p.delivered()
	without, with := p.metricOf("hydrant_delivered_objects_total", "well"), p.metricOf("hydrant_delivered_objects_total", "ill")
	t.Logf("%v objects without the outage, %v with it", without, with)
	if without == 0 || with > 2*without {
		t.Errorf("%v objects without the outage, %v with it", without, with)
	}
}

// metricOf is a metric's value for one stream.
func (p *process) metricOf(name, stream string) float64 {
	p.t.Helper()
	return p.metric(fmt.Sprintf("%s{stream=%q}", name, stream))
}

func TestMemoryMetrics(t *testing.T) {
	p := startIn(t, t.TempDir(), "memory: 200MiB\ndata_dir: "+t.TempDir()+"\nstreams: {s: {destination: {directory: {path: "+t.TempDir()+"/o}}}}\n")
	if got := p.metric("hydrant_memory_budget_bytes"); got != 200<<20 {
		t.Errorf("the budget is %v", got)
	}
	body, err := json.Marshal(map[string]string{"a": strings.Repeat("x", 500<<10)})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.Post(p.url+"/v1/streams/s/records", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Fatal(r.Status)
	}
	p.eventually("the record is in an open object", func() bool {
		return p.metric(`hydrant_memory_used_bytes{part="objects"}`) > 0
	})
}
