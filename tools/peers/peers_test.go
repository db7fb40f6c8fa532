package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"hydrant/bench/child"
	"hydrant/bench/suite"
)

// A short run: each server takes records, the ratios are printed, and nothing is left.
func TestPeers(t *testing.T) {
	dir, out, c := t.TempDir(), new(bytes.Buffer), new(command)
	file := filepath.Join(t.TempDir(), "result.json")
	parser, err := kong.New(c, kong.Writers(out, out))
	if err != nil {
		t.Fatal(err)
	}
	k, err := parser.Parse([]string{"--dir", dir, "--repeats", "1", "--duration", "1s", "--json", file})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.run(t.Context(), k); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var result suite.Result
	if err := json.Unmarshal(data, &result); err != nil || len(result.Rows) != 2 {
		t.Fatalf("%v: %s", err, data)
	}
	for _, row := range result.Rows {
		checkRow(t, row, out.String())
	}
	nothingLeft(t, dir)
}

func checkRow(t *testing.T, row suite.RowResult, printed string) {
	t.Helper()
	var names []string
	for _, s := range row.Sides {
		names = append(names, s.Name)
		for _, figure := range []string{"megabytes_per_second", "requests_per_second", "ack_p99_ms", "peak_rss_anon_megabytes"} {
			if s.Figures[figure] <= 0 {
				t.Errorf("%s: %s: %s is %v", row.Name, s.Name, figure, s.Figures[figure])
			}
		}
	}
	if want := []string{"floor", "node", "NATS JetStream", "OpenTelemetry Collector", "OpenTelemetry Collector, draining"}; !slices.Equal(names, want) {
		t.Errorf("%s: sides %q", row.Name, names)
	}
	if len(row.Outcomes) != 4 {
		t.Errorf("%s: %d measures, want 4", row.Name, len(row.Outcomes))
	}
	for _, o := range row.Outcomes {
		if o.Value <= 0 || !strings.Contains(printed, o.Measure) {
			t.Errorf("%s: %s is %v, printed:\n%s", row.Name, o.Measure, o.Value, printed)
		}
	}
}

func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left in the directory: %v %v", left, err)
	}
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && bytes.HasPrefix(line, []byte(dir)) { // others may have ended meanwhile
			t.Errorf("still running: %q", line)
		}
	}
}

// synced are strace's lines of system calls that made something durable.
var synced = regexp.MustCompile(`(?m)\b(fsync|fdatasync|msync)\b.*= 0$`)

// A peer's answer means what it is said to mean: between two answers on one connection lies a sync.
func TestPeersSync(t *testing.T) {
	built, err := build(t.Context(), "../..", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range built.peers() {
		t.Run(p.Name, func(t *testing.T) {
			dir := t.TempDir()
			as, err := p.Prepare(dir)
			if err != nil {
				t.Fatal(err)
			}
			record := filepath.Join(dir, "strace")
			traced := append([]string{"-D", "-f", "-qq", "-o", record, "-e", "trace=fsync,fdatasync,msync", as.Program}, as.Arguments...)
			process, err := child.Start(t.Context(), child.Options{Name: p.Name, Program: "strace", Arguments: traced})
			if err != nil {
				t.Fatal(err)
			}
			defer process.Kill() // with -D it is the server itself
			if err := process.Await(t.Context(), "it takes bodies", func() bool { return as.Ready(t.Context()) == nil }); err != nil {
				t.Fatal(err)
			}
			checkSyncs(t, as, record)
		})
	}
}

// checkSyncs sends bodies one after the other. The first ones occupy the Collector's exporter, if it holds: what is synced
// after them is the queue being written to.
func checkSyncs(t *testing.T, as suite.PeerServer, record string) {
	t.Helper()
	carrier, err := as.Dial(0)
	if err != nil {
		t.Fatal(err)
	}
	defer carrier.Close()
	const occupying, bodies = 20, 40
	syncs := 0
	for n := range bodies {
		if err := carrier.Carry(fmt.Appendf(nil, `{"n":%d}`, n)); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(record) // strace writes a call's line before the call's thread goes on
		if err != nil {
			t.Fatal(err)
		}
		now := len(synced.FindAll(text, -1))
		if n >= occupying && now == syncs {
			t.Errorf("body %d was answered without a sync", n)
		}
		syncs = now
	}
	if counted, err := as.Bodies(t.Context()); err != nil || counted != bodies {
		t.Errorf("it counted %v bodies of %d, %v", counted, bodies, err)
	}
}

// What is written by hand is what OpenTelemetry's own library reads.
func TestOTLP(t *testing.T) {
	for _, size := range []int{0, 1, 100, 127, 128, 16_384, 600_000} {
		body := bytes.Repeat([]byte{'x'}, size)
		request := plogotlp.NewExportRequest()
		if err := request.UnmarshalProto(appendExport(nil, body)); err != nil {
			t.Fatal(err)
		}
		if n := request.Logs().LogRecordCount(); n != 1 {
			t.Fatalf("%d log records", n)
		}
		record := request.Logs().ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
		if got := record.Body().Bytes().AsRaw(); !bytes.Equal(got, body) {
			t.Errorf("%d bytes came as %d", size, len(got))
		}
	}
}
