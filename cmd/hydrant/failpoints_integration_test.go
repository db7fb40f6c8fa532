//go:build integration

package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hydrant/buffer/failpoint"
)

// Environment of a test binary that is to be a node, and to die.
const (
	dieAt   = "HYDRANT_TEST_DIE_AT"   // a failpoint
	dieLoad = "HYDRANT_TEST_DIE_LOAD" // how many requests must have been admitted before that counts
)

// TestMain lets the test binary be the program, ended at a failpoint: the product's own binary has no way to.
func TestMain(m *testing.M) {
	point, ok := os.LookupEnv(dieAt)
	if !ok {
		os.Exit(m.Run())
	}
	wanted, err := strconv.Atoi(os.Getenv(dieLoad))
	if err != nil {
		panic(err)
	}
	var load atomic.Int64
	load.Store(int64(wanted))
	failpoint.Watch(func(name string) {
		if name == point && load.Load() <= 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // as nothing else can
			select {}
		}
		if name == "gateway: request admitted" {
			load.Add(-1)
		}
	})
	main()
}

// startPoints are reached before anything is admitted. They are tried on what a crash with sealed objects has left.
var startPoints = []string{"buffer: log loaded", "buffer: epoch raised", "delivery: sealed objects made again"}

// The process dies at every arrow of a record's life, of a generation's, of a function's answer, of a start: nothing that was
// acknowledged is lost, and what clients send again under their keys is stored once. A point that is not reached fails.
func TestEveryFailpoint(t *testing.T) {
	names := slices.DeleteFunc(failpoint.Names(), func(name string) bool {
		return strings.HasPrefix(name, "s3: ") // of uploads in parts: delivery/s3 has the same for them
	})
	if len(names) < 25 {
		t.Errorf("only %d points: %q", len(names), names)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it mostly waits
			f := newFailing(t)
			if slices.Contains(startPoints, name) {
				f.die("delivery: objects sealed", 8)
				f.die(name, 0)
			} else {
				f.die(name, 8)
			}
			f.live()
		})
	}
}

// failing is a node that dies and comes back, and a client that was told what is safe.
type failing struct {
	t       *testing.T
	node    *process
	dir     string
	objects string
	backup  string
	sent    int
	safe    map[string][]string // by stream: lines whose request was answered with 200
	open    []failingRequest    // without an answer so far
}

type failingRequest struct{ stream, key, lines string }

func newFailing(t *testing.T) *failing {
	function := httptest.NewServer(http.HandlerFunc(passing))
	t.Cleanup(function.Close)
	dir := t.TempDir()
	f := &failing{t: t, dir: dir, objects: filepath.Join(dir, "objects"), backup: filepath.Join(dir, "backup"), safe: map[string][]string{}}
	config := fmt.Sprintf(`
data_dir: %s
buffer: {max_disk: 256MiB}
streams:
  plain:
    buffering: {size: 1MiB, interval: 1s}
    prefix: "plain/key=!{partitionKeyFromQuery:key}/"
    partition_keys: {key: .key}
    destination:
      directory: {path: %s}
    backup:
      destination:
        directory: {path: %s}
  function:
    buffering: {size: 1MiB, interval: 1s}
    prefix: "function/"
    error_prefix: "errors/!{firehose:error-output-type}/"
    transform:
      http: {url: %q}
      buffering: {size: 200KiB, interval: 100ms}
    destination:
      directory: {path: %s}
  slow:
    buffering: {size: 64MiB, interval: 900s}
    prefix: "slow/"
    destination:
      directory: {path: %s}
`, filepath.Join(dir, "data"), f.objects, f.backup, function.URL, f.objects, f.objects)
	self, err := os.Executable()
	must(t, err)
	f.node = prepareProgram(t, self, dir, config)
	return f
}

// passing answers as a function of Firehose that changes nothing.
func passing(w http.ResponseWriter, r *http.Request) {
	var message struct {
		Records []struct {
			RecordID string `json:"recordId"`
			Result   string `json:"result"`
			Data     []byte `json:"data"`
		} `json:"records"`
	}
	if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
		return // the node has died
	}
	for i := range message.Records {
		message.Records[i].Result = "Ok"
	}
	_ = json.NewEncoder(w).Encode(message) // as before
}

// die lets the node live, under load, until it has died at a point.
func (f *failing) die(point string, load int) {
	f.t.Helper()
	environment := append(slices.Clone(f.node.cmd.Env), dieAt+"="+point, fmt.Sprintf("%s=%d", dieLoad, load))
	p := f.node.anew(f.node.cmd.Path, environment)
	p.launch()
	deadline := time.After(3 * time.Minute)
	for {
		select {
		case <-p.ended:
			if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
				f.t.Fatalf("the node did not die at the point:\n%s", p.output)
			}
			return
		case <-deadline:
			p.kill()
			f.t.Fatalf("the point was never reached:\n%s", p.output)
		default:
			f.send()
		}
	}
}

// send makes a round of requests: much for a generation to be full soon, and in the first round a record that stays behind.
func (f *failing) send() {
	if f.sent == 0 {
		f.post("slow", `{"slow":"stays"}`)
	}
	f.sent++
	var pad [48 << 10]byte
	for i := range pad {
		pad[i] = byte(rand.Uint32())
	}
	var lines []string
	for i := range 8 {
		lines = append(lines, fmt.Sprintf(`{"key":"%d","n":"%d-%d","pad":"%s"}`, i%3, f.sent, i, base64.StdEncoding.EncodeToString(pad[i:])))
	}
	f.post("plain", strings.Join(lines, "\n"))
	f.post("function", fmt.Sprintf(`{"function":"%d"}`, f.sent))
}

// post sends lines once. What is not answered is sent again, under its key, before anything else.
func (f *failing) post(stream, lines string) {
	f.open = append(f.open, failingRequest{stream, fmt.Sprintf("%s-%d", stream, f.sent), lines})
	f.postOpen()
}

// postOpen reports whether everything is answered.
func (f *failing) postOpen() bool {
	for len(f.open) > 0 {
		r := f.open[0]
		status, _, err := postOnce(f.t.Context(), f.node.url, r.stream, r.key, r.lines)
		if err != nil || status != http.StatusOK {
			return false // not up yet, no room for a moment, or dead
		}
		f.safe[r.stream] = append(f.safe[r.stream], strings.Split(r.lines, "\n")...)
		f.open = f.open[1:]
	}
	return true
}

// live starts the product itself on what is left, and compares what is delivered with what clients were told.
func (f *failing) live() {
	f.t.Helper()
	path, err := binary()
	must(f.t, err)
	p := f.node.anew(path, f.node.cmd.Env)
	p.launch()
	p.awaitReady()
	p.eventually("what was not answered is stored", f.postOpen)
	f.send()
	p.eventually("and so is more", f.postOpen)
	if n := p.metric("hydrant_buffer_damaged_ranges"); n != 0 {
		f.t.Errorf("%v ranges are called damaged", n)
	}
	p.stop()
	if f.t.Failed() {
		f.t.Log(p.output)
	}
	wantOnce(f.t, f.objects, slices.Concat(f.safe["plain"], f.safe["function"], f.safe["slow"]))
	wantOnce(f.t, f.backup, f.safe["plain"])
	if unfinished, err := filepath.Glob(filepath.Join(f.dir, ".*.tmp", "*", "*")); err != nil || len(unfinished) > 0 {
		f.t.Errorf("unfinished files are left: %q %v", unfinished, err)
	}
}
