package suite

import (
	"context"
	"strings"
	"testing"
)

// A process of ours is watched while it runs, and killed with the context.
func TestChild(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c, err := (&bed{program: "/bin/sleep"}).start(ctx, "sleeper", nil, "3600")
	if err != nil {
		t.Fatal(err)
	}
	err = c.await(ctx, "its memory is known", func() bool {
		f := Figures{}
		c.watch.memory(f)
		return f[peakFile] > 0
	})
	if err != nil {
		t.Error(err)
	}
	cancel()
	<-c.ended
	c.stop() // does no harm
	if c.watch.used().cpu < 0 || c.err == nil {
		t.Errorf("used %v, ended with %v", c.watch.used(), c.err)
	}
	if err := c.await(t.Context(), "it lives", func() bool { return false }); err == nil || !strings.Contains(err.Error(), "sleeper ended") {
		t.Errorf("waiting for a process that has ended: %v", err)
	}
}

// A child that ends badly is quoted.
func TestChildThatFails(t *testing.T) {
	c, err := (&bed{program: "/bin/sh"}).start(t.Context(), "shell", nil, "-c", "trap 'echo no such luck; exit 3' TERM; echo ready; while :; do sleep 0.01; done")
	if err != nil {
		t.Fatal(err)
	}
	defer c.stop()
	if err := c.await(t.Context(), "it is ready", func() bool { return c.output.String() == "ready" }); err != nil {
		t.Fatal(err)
	}
	if err := c.finish(); err == nil || !strings.Contains(err.Error(), "no such luck") {
		t.Errorf("got %v", err)
	}
}
