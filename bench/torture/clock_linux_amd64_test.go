package torture

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestMain lets this program tell the time, for a test that bends its clock.
func TestMain(m *testing.M) {
	if os.Getenv("TORTURE_TELLS_TIME") != "" {
		started := time.Now()
		for {
			now := time.Now()
			if _, err := fmt.Println(now.Unix(), now.Sub(started)); err != nil {
				os.Exit(0) // nobody listens
			}
		}
	}
	os.Exit(m.Run())
}

// A process's wall clock jumps forth and back, by its own account, and its monotonic clock and other processes do not. It
// reads its clocks all the time meanwhile.
func TestClockJumps(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "TORTURE_TELLS_TIME=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}()
	lines := bufio.NewScanner(out)
	var elapsed time.Duration
	tells := func(offset time.Duration) bool {
		var seconds int64
		var text string
		if !lines.Scan() {
			t.Fatalf("the process has ended: %v", lines.Err())
		}
		if _, err := fmt.Sscan(lines.Text(), &seconds, &text); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		now, err := time.ParseDuration(text)
		if err != nil || now < elapsed || now > elapsed+time.Hour {
			t.Fatalf("the monotonic clock went from %v to %s: %v", elapsed, text, err)
		}
		elapsed = now
		return time.Unix(seconds, 0).Sub(time.Now().Add(offset)).Abs() < time.Minute
	}
	if !tells(0) {
		t.Fatal("the process tells another time before any jump")
	}
	c, err := bendClock(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for _, offset := range []time.Duration{0, 5 * time.Hour, -26 * time.Hour, 0} {
		if err := c.jump(offset); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(10 * time.Minute); !tells(offset); {
			if time.Now().After(deadline) {
				t.Fatalf("the process does not tell the time of %v", offset)
			}
		}
	}
}
