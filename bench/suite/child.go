package suite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// child is a process that the suite started. Its owner stops it; the end of the context kills it too.
type child struct {
	name   string
	cmd    *exec.Cmd
	output *tail
	ended  chan struct{} // closed when the process has ended and err is set
	err    error
	watch  watch
}

// start runs this program with other arguments. Settings of Hydrant and of the Go runtime that are in the environment
// are not passed on: they would change what is measured.
func (b *bed) start(ctx context.Context, name string, environment []string, arguments ...string) (*child, error) {
	c := &child{name: name, output: new(tail), ended: make(chan struct{})}
	c.cmd = exec.CommandContext(ctx, b.program, arguments...)
	c.cmd.Env = append(cleanEnvironment(os.Environ()), environment...)
	c.cmd.Stdout, c.cmd.Stderr = c.output, c.output
	c.cmd.SysProcAttr = attributes()
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c.watch.begin(c.cmd.Process.Pid)
	go func() { // stop and finish wait for it
		defer close(c.ended)
		c.err = c.cmd.Wait()
		c.watch.end(c.cmd.ProcessState)
	}()
	return c, nil
}

func cleanEnvironment(environment []string) (kept []string) {
	for _, variable := range environment {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "HYDRANT_") && name != "GOMEMLIMIT" && name != "GOGC" && name != "GODEBUG" {
			kept = append(kept, variable)
		}
	}
	return kept
}

// stop kills the process if it runs and waits for its end.
func (c *child) stop() {
	_ = c.cmd.Process.Kill() // it may have ended
	<-c.ended
}

// finish asks the process to end by itself and wants it to end well.
func (c *child) finish() error {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop %s: %w", c.name, err)
	}
	<-c.ended
	if c.err != nil {
		return fmt.Errorf("%s did not end well: %w\n%s", c.name, c.err, c.output)
	}
	return nil
}

// await looks every few milliseconds until the condition holds.
func (c *child) await(ctx context.Context, what string, condition func() bool) error {
	const (
		pause    = 5 * time.Millisecond
		patience = time.Hour // large backlogs take their time
	)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !condition() {
		select {
		case <-c.ended:
			return fmt.Errorf("%s ended while waiting until %s: %w\n%s", c.name, what, errors.Join(c.err, ctx.Err()), c.output)
		case <-ctx.Done():
			return fmt.Errorf("%s: waited until %s: %w\n%s", c.name, what, ctx.Err(), c.output)
		case <-time.After(pause):
		}
	}
	return nil
}

// tail keeps the end of what a process wrote.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	const most = 4 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-most):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}

// freeAddress finds an address of the loopback that nothing listens on: a left-over server on it would be measured
// instead. Its port lies below those that kernels give to outgoing connections by themselves.
func freeAddress() (string, error) {
	const lowest, highest, attempts = 15_000, 32_000, 20
	var errs []error
	for range attempts {
		address := fmt.Sprintf("127.0.0.1:%d", lowest+rand.IntN(highest-lowest))
		listener, err := net.Listen("tcp", address)
		if err == nil {
			return address, listener.Close()
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("no free port in %d attempts: %w", attempts, errors.Join(errs...))
}
