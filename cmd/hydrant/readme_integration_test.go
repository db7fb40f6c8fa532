//go:build integration

package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// README's commands name their ports, so only one tour at a time can run on a machine.
var readmePorts = []string{"127.0.0.1:8080", "127.0.0.1:8081"}

// tourPatience bounds every wait of the tour: another one may have to end first.
const tourPatience = 10 * time.Minute

// README's commands are run as they stand there, one after the other, in a copy of the project.
func TestReadmeTour(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	serve := regexp.MustCompile("(?s)```sh\n(.*?)\n```").FindStringSubmatch(string(text))
	tour := regexp.MustCompile("(?s)```sh tour\n(.*?)\n```").FindAllStringSubmatch(string(text), -1)
	if serve == nil || len(tour) < 6 {
		t.Fatalf("README has %d blocks of the tour", len(tour))
	}
	awaitReadmePorts(t)
	dir, begun := filepath.Join(t.TempDir(), "hydrant"), time.Now()
	if out, err := exec.Command("git", "clone", "--quiet", "../..", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	startReadmeNode(t, dir, serve[1])

	script := "set -euo pipefail\n"
	for i, block := range tour {
		script += block[1] + "\n"
		if i == 1 { // the block that waits for an object
			script += "touch first-object\n"
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), tourPatience)
	defer cancel()
	user := exec.CommandContext(ctx, "bash", "-c", script)
	user.Dir = dir
	user.WaitDelay = time.Minute // for what the script had started
	out, err := user.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if first, err := os.Stat(filepath.Join(dir, "first-object")); err != nil {
		t.Error(err)
	} else {
		t.Logf("from git clone to the first object, by the two commands that README begins with: %v", first.ModTime().Sub(begun))
	}
	for _, want := range []string{`"records":2`, `{"hello":"world"}`, `"RecordId"`, "hydrant_delivered_records_total"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the tour's output lacks %s:\n%s", want, out)
		}
	}
}

// awaitReadmePorts waits until the tour's ports are free, and keeps other tours away from them until the test ends.
func awaitReadmePorts(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), tourPatience)
	defer cancel()
	lock := flock.New(filepath.Join(os.TempDir(), "hydrant-readme-tour.lock"))
	if _, err := lock.TryLockContext(ctx, time.Second); err != nil {
		t.Fatalf("another tour holds %s: %v", lock.Path(), err)
	}
	t.Cleanup(func() { _ = lock.Unlock() }) // as its end does
	for _, address := range readmePorts {
		for {
			l, err := net.Listen("tcp", address)
			if err == nil {
				_ = l.Close() // nothing was accepted
				break
			}
			if ctx.Err() != nil {
				t.Fatalf("README's tour needs %s, which another program has taken: stop it and try again (%v)", address, err)
			}
			time.Sleep(time.Second) // between two looks at the port
		}
	}
}

// startReadmeNode runs README's command until the test ends, and waits until that very node says that it is ready: on a
// port that is known to everybody another one might answer.
func startReadmeNode(t *testing.T, dir, command string) {
	t.Helper()
	node := exec.Command("bash", "-c", "exec "+command)
	node.Dir = dir
	node.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // go run and the program it runs
	output, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	said := func() string {
		text, err := os.ReadFile(output.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	node.Stdout, node.Stderr = output, output
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: node, ended: make(chan struct{})}
	go func() {
		_ = node.Wait() // its end is what matters
		close(p.ended)
	}()
	t.Cleanup(func() {
		endGroup(node.Process.Pid)
		<-p.ended
		if t.Failed() {
			t.Logf("the node said:\n%s", said())
		}
	})
	p.eventually("ready", func() bool {
		select {
		case <-p.ended:
			t.Fatal("the node ended; are its ports taken?")
		default:
		}
		return strings.Contains(said(), "Hydrant is ready.")
	})
}

// endGroup ends the processes of a group that this test started, and waits for all of them: go run is gone before the program
// it runs, which goes on in a directory that the test then removes.
func endGroup(group int) {
	_ = syscall.Kill(-group, syscall.SIGTERM)
	for deadline := time.Now().Add(time.Minute); syscall.Kill(-group, 0) == nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			_ = syscall.Kill(-group, syscall.SIGKILL)
			return
		}
	}
}
