//go:build integration

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hydrant/bench/child"
	"hydrant/delivery/deliverytest"
)

// binary is the program under test, built once.
var binary = sync.OnceValues(func() (string, error) { return build() })

func build(flags ...string) (string, error) {
	dir, err := os.MkdirTemp("", "hydrant")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "hydrant")
	out, err := exec.Command("go", append(append([]string{"build", "-o", path}, flags...), ".")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
}

// process is a running node.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string // of the gateway
	admin  string
	output *bytes.Buffer
	ended  chan struct{}
}

// freePort finds one that is the node's own, also while it is down between two lives.
func freePort(t *testing.T) string {
	t.Helper()
	address, err := child.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// startIn starts the binary with a configuration, kept in dir, and waits until it is ready.
func startIn(t *testing.T, dir, config string, environment ...string) *process {
	t.Helper()
	p := launchIn(t, dir, config, environment...)
	p.awaitReady()
	return p
}

// launchIn starts the binary and does not wait.
func launchIn(t *testing.T, dir, config string, environment ...string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return launchProgram(t, path, dir, config, environment...)
}

// startProgram does what startIn does, with a binary of its own.
func startProgram(t *testing.T, path, dir, config string, environment ...string) *process {
	t.Helper()
	p := launchProgram(t, path, dir, config, environment...)
	p.awaitReady()
	return p
}

func launchProgram(t *testing.T, path, dir, config string, environment ...string) *process {
	t.Helper()
	p := prepareProgram(t, path, dir, config, environment...)
	p.launch()
	return p
}

func prepareProgram(t *testing.T, path, dir, config string, environment ...string) *process {
	t.Helper()
	file := filepath.Join(dir, "hydrant.yaml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(path, "serve", "--config", file, "--grace", "2m", "--delay", "500ms"), output: new(bytes.Buffer), ended: make(chan struct{})}
	listen, admin := freePort(t), freePort(t)
	p.url, p.admin = "http://"+listen, "http://"+admin
	p.cmd.Env = append(os.Environ(), append(environment, "HYDRANT_LISTEN="+listen, "HYDRANT_ADMIN="+admin)...)
	return p
}

// again starts a node that has ended once more, on its ports and its data.
func (p *process) again() *process {
	p.t.Helper()
	q := p.anew(p.cmd.Path, p.cmd.Env)
	q.launch()
	q.awaitReady()
	return q
}

// anew is another life of the node, not begun, by a program and in an environment of its own.
func (p *process) anew(path string, environment []string) *process {
	q := &process{t: p.t, cmd: exec.Command(path, p.cmd.Args[1:]...), url: p.url, admin: p.admin, output: new(bytes.Buffer), ended: make(chan struct{})}
	q.cmd.Env = environment
	return q
}

func (p *process) launch() {
	p.t.Helper()
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // its end is what matters; the tests look at the exit code where they care
		close(p.ended)
	}()
	p.t.Cleanup(p.kill)
}

func (p *process) awaitReady() {
	p.t.Helper()
	p.eventually("ready", func() bool { return p.readiness() == http.StatusOK })
}

// readiness is the status of /readyz, 0 while nobody answers.
func (p *process) readiness() int {
	p.t.Helper()
	select {
	case <-p.ended:
		p.t.Fatalf("the node ended:\n%s", p.output)
	default:
	}
	r, err := http.Get(p.admin + "/readyz")
	if err != nil {
		return 0
	}
	defer r.Body.Close()
	return r.StatusCode
}

// kill ends the process as nothing else can.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// stop asks the process to end and wants exit code 0.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	<-p.ended
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Fatalf("exit code %d after SIGTERM:\n%s", code, p.output)
	}
}

func (p *process) eventually(what string, condition func() bool) {
	p.t.Helper()
	p.within(5*time.Minute, what, condition)
}

// within is eventually for what may take longer. It looks the less often the longer that is: a look takes time of the node's.
func (p *process) within(patience time.Duration, what string, condition func() bool) {
	p.t.Helper()
	if !comesToHold(patience, condition) {
		p.kill()
		p.t.Fatalf("%s: not within %v:\n%s", what, patience, p.output)
	}
}

// comesToHold looks until a condition holds, and reports whether it did in time.
func comesToHold(patience time.Duration, condition func() bool) bool {
	pause := max(20*time.Millisecond, patience/36_000)
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(pause) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

func (p *process) post(stream, contentType, body string) string {
	p.t.Helper()
	r, err := http.Post(p.url+"/v1/streams/"+stream+"/records", contentType, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %s %v", r.Status, answer, err)
	}
	return string(answer)
}

// metric is a metric's value, the sum over its labels.
func (p *process) metric(name string) (sum float64) {
	p.t.Helper()
	for series, v := range p.metrics() {
		if rest, ok := strings.CutPrefix(series, name); ok && (rest == "" || rest[0] == '{') {
			sum += v
		}
	}
	return sum
}

// series is the value of a metric with exactly these labels.
func (p *process) series(name string) float64 { return p.metrics()[name] }

// metrics are all series by name and labels, as they are written.
func (p *process) metrics() map[string]float64 {
	p.t.Helper()
	r, err := http.Get(p.admin + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	all := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		end := strings.LastIndexByte(line, ' ')
		if end < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(line[end:]), 64)
		if err != nil {
			p.t.Fatal(err)
		}
		all[line[:end]] = v
	}
	return all
}

// delivered waits until nothing is pending.
func (p *process) delivered() {
	p.t.Helper()
	p.eventually("everything is delivered", func() bool {
		return p.metric("hydrant_pending_records") == 0 && p.metric("hydrant_pending_bytes") == 0
	})
}

// runHydrant runs a command of the binary and returns its standard output. At the context's end it is interrupted, as by
// Ctrl-C, and if it then ends well the error is the context's.
func runHydrant(ctx context.Context, t *testing.T, environment []string, arguments ...string) (string, error) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, path, arguments...)
	cmd.Env = append(os.Environ(), environment...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 2 * time.Minute
	var out, progress bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &progress
	err = cmd.Run()
	if err != nil {
		err = fmt.Errorf("hydrant %s: %w\n%s%s", strings.Join(arguments, " "), err, out.String(), progress.String())
	}
	return out.String(), err
}

// destinationUnderTest is a destination: what the configuration says of it, and how verify finds it.
type destinationUnderTest struct {
	yaml        string
	verify      []string
	environment []string
	server      *deliverytest.S3Server // nil for a directory
	objects     string                 // where they lie on this machine
}

func directoryDestination(t *testing.T) destinationUnderTest {
	dir := filepath.Join(t.TempDir(), "objects")
	return destinationUnderTest{
		yaml:    fmt.Sprintf("directory: {path: %s}", dir),
		verify:  []string{"--dir", dir},
		objects: dir,
	}
}

func s3Destination(t *testing.T) destinationUnderTest {
	server := deliverytest.StartS3(t)
	const bucket = "lake"
	server.MakeBucket(t, bucket)
	return destinationUnderTest{
		yaml:        fmt.Sprintf("s3: {bucket: %s, region: us-east-1, endpoint: %q, path_style: true}", bucket, server.Endpoint),
		verify:      []string{"--s3", "s3://" + bucket, "--endpoint", server.Endpoint, "--path-style"},
		environment: []string{"AWS_ACCESS_KEY_ID=" + server.AccessKey, "AWS_SECRET_ACCESS_KEY=" + server.Secret, "AWS_REGION=us-east-1"},
		server:      server,
		objects:     filepath.Join(server.Dir, bucket),
	}
}

// verifyAll has the verifier compare the destination with the ledger, and wants a good verdict.
func (d destinationUnderTest) verifyAll(t *testing.T, ledger string) map[string]any {
	t.Helper()
	arguments := append([]string{"bench", "verify", "--ledger", ledger, "--partition", "key", "--json"}, d.verify...)
	out, err := runHydrant(t.Context(), t, d.environment, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	var verdict map[string]any
	if err := json.Unmarshal([]byte(out), &verdict); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return verdict
}
