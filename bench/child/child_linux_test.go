package child

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A process is killed with the context.
func TestProcess(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p, err := Start(ctx, Options{Name: "sleeper", Program: "/bin/sleep", Arguments: []string{"3600"}})
	if err != nil {
		t.Fatal(err)
	}
	if p.Err() != nil {
		t.Error("it has ended already")
	}
	cancel()
	<-p.Ended()
	p.Kill() // does no harm
	if p.Err() == nil {
		t.Error("it ended well")
	}
	if err := p.Await(t.Context(), "it lives", func() bool { return false }); err == nil || !strings.Contains(err.Error(), "sleeper ended") {
		t.Errorf("waiting for a process that has ended: %v", err)
	}
}

// One that ends badly is quoted.
func TestProcessThatFails(t *testing.T) {
	p, err := Start(t.Context(), Options{
		Name: "shell", Program: "/bin/sh",
		Arguments: []string{"-c", "trap 'echo no such luck; exit 3' TERM; echo ready; while :; do sleep 0.01; done"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	if err := p.Await(t.Context(), "it is ready", func() bool { return p.Output() == "ready" }); err != nil {
		t.Fatal(err)
	}
	if err := p.Finish(); err == nil || !strings.Contains(err.Error(), "no such luck") {
		t.Errorf("got %v", err)
	}
}

// The environment's settings would be tried too.
func TestProcessesGetACleanEnvironment(t *testing.T) {
	got := Clean([]string{"PATH=/bin", "HYDRANT_LISTEN=x", "GOMEMLIMIT=1", "GOGC=off", "GODEBUG=", "AWS_REGION=r"})
	if !slices.Equal(got, []string{"PATH=/bin", "AWS_REGION=r"}) {
		t.Errorf("got %q", got)
	}
}

// What one process has drawn no other draws, also while nothing listens there.
func TestFreeAddressIsHeld(t *testing.T) {
	address, err := FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(address, ":")
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := hold(port); err == nil {
		t.Errorf("%s is given twice", address)
	}
}
