//go:build integration

package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fleetUnderTest are three nodes that share a bucket for the streams' definitions, behind a real HAProxy, delivering into a
// real S3 server.
type fleetUnderTest struct {
	t     *testing.T
	nodes []*process
	url   string // of the balancer
	store destinationUnderTest
}

const fleetConfig = `
data_dir: %[1]s/data
buffer: {max_disk: 1GiB}
memory: 200MiB
api_streams:
  role: ignore
  endpoint: %[2]q
  path_style: true
  store: {s3: {bucket: fleet, endpoint: %[2]q, path_style: true}}
`

func startFleet(t *testing.T) *fleetUnderTest {
	f := &fleetUnderTest{t: t, store: s3Destination(t)}
	f.store.server.MakeBucket(t, "fleet")
	for range 3 {
		dir := t.TempDir()
		p := prepareNode(t, dir, fmt.Sprintf(fleetConfig, dir, f.store.server.Endpoint), f.store.environment...)
		p.launch()
		f.nodes = append(f.nodes, p)
	}
	for _, p := range f.nodes {
		p.awaitReady()
	}
	f.balance()
	return f
}

// prepareNode is a node that serves on for longer than a busy machine's balancer takes to look elsewhere.
func prepareNode(t *testing.T, dir, config string, environment ...string) *process {
	t.Helper()
	path, err := binary()
	must(t, err)
	p := prepareProgram(t, path, dir, config, environment...)
	p.cmd.Args[slices.Index(p.cmd.Args, "--delay")+1] = "3s"
	return p
}

// balance starts HAProxy with the example configuration, on this fleet's addresses.
func (f *fleetUnderTest) balance() {
	f.t.Helper()
	example, err := os.ReadFile("../../configs/haproxy.cfg")
	must(f.t, err)
	front := freePort(f.t)
	pairs := []string{"bind 127.0.0.1:8000", "bind " + front}
	for i, p := range f.nodes {
		pairs = append(pairs, fmt.Sprintf("127.0.0.1:%d port %d", 8080+2*i, 8081+2*i),
			strings.TrimPrefix(p.url, "http://")+" port "+p.admin[strings.LastIndex(p.admin, ":")+1:])
	}
	text := strings.NewReplacer(pairs...).Replace(string(example))
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(example), pairs[i]) {
			f.t.Fatalf("the example has no %q", pairs[i])
		}
	}
	file := filepath.Join(f.t.TempDir(), "haproxy.cfg")
	must(f.t, os.WriteFile(file, []byte(text), 0o600))
	cmd, output := exec.Command("haproxy", "-db", "-f", file), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = output, output
	must(f.t, cmd.Start())
	f.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		if f.t.Failed() {
			f.t.Logf("haproxy: %s", output)
		}
	})
	f.url = "http://" + front
	f.nodes[0].eventually("the balancer serves", func() bool {
		r, err := http.Get(f.url + "/v1/openapi.yaml")
		if err != nil {
			return false
		}
		defer r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
}

// delivered waits until no node holds anything.
func (f *fleetUnderTest) delivered() {
	f.t.Helper()
	for _, p := range f.nodes {
		p.delivered()
	}
}

// metric is a metric's value, the sum over nodes and labels.
func (f *fleetUnderTest) metric(name string) (sum float64) {
	f.t.Helper()
	for _, p := range f.nodes {
		sum += p.metric(name)
	}
	return sum
}
