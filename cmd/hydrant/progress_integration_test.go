//go:build integration

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

var startProgress = regexp.MustCompile(`reading what the buffer holds.* generations=(\d+) of=(\d+)`)

// A start that reads a backlog says how far it is. The node is the real one, killed with a backlog of several generations; its
// disk is slow: strace has each lock of a generation's directory take a while, so that the start surely takes seconds.
func TestStartTellsHowFarItIs(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	node := startIn(t, dir, fmt.Sprintf("data_dir: %[1]s/data\nbuffer: {max_disk: 192MiB}\nstreams:\n  held: {buffering: {interval: 15m}, destination: {directory: {path: %[1]s/objects}}}\n", dir))
	held := func() int {
		generations, err := filepath.Glob(filepath.Join(dir, "data", "buffer", "gen-*"))
		must(t, err)
		return len(generations)
	}
	noise := rand.NewChaCha8([32]byte{})
	record := make([]byte, 900<<10)
	for posted := 0; held() < 6; posted++ {
		if posted == 100 {
			t.Fatalf("%d generations after %d records", held(), posted)
		}
		_, _ = noise.Read(record) // never fails
		node.post("held", "application/octet-stream", string(record))
	}
	node.kill()

	path, err := exec.LookPath("strace")
	must(t, err)
	slow := node.anew(path, node.cmd.Env)
	slow.cmd.Args = append([]string{path, "-D", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=flock", "-e", "inject=flock:delay_enter=500000"}, node.cmd.Args...)
	slow.launch()
	slow.awaitReady()
	slow.kill()
	told := startProgress.FindAllSubmatch(slow.output.Bytes(), -1)
	if len(told) == 0 {
		t.Fatalf("the start says nothing:\n%s", slow.output)
	}
	before := 0
	for _, m := range told {
		read, err := strconv.Atoi(string(m[1]))
		must(t, err)
		if read <= before || bytes.Equal(m[2], []byte("0")) {
			t.Errorf("the start says %s", m[0])
		}
		before = read
	}
}
