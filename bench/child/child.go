// Package child runs this program, or another, as processes of their own, for measurements and for the fault harness.
package child

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

// Process is one that was started. Its owner stops it; the end of the context kills it too. All methods may be called
// from many goroutines at once.
type Process struct {
	Name string

	cmd    *exec.Cmd
	output *tail
	ended  chan struct{} // closed when the process has ended and err is set
	err    error
}

// Options say what to run.
type Options struct {
	Name        string // in errors
	Program     string
	Arguments   []string
	Environment []string // beside that of this process, of which Clean is kept

	// Started and Ended, where they are set, are called once each: before Start returns, and before anybody learns of the
	// process's end.
	Started func(pid int)
	Ended   func(*os.ProcessState)
}

// Start starts a process.
func Start(ctx context.Context, o Options) (*Process, error) {
	p := &Process{Name: o.Name, output: new(tail), ended: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, o.Program, o.Arguments...)
	p.cmd.Env = append(Clean(os.Environ()), o.Environment...)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.SysProcAttr = attributes()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", o.Name, err)
	}
	if o.Started != nil {
		o.Started(p.Pid())
	}
	go func() { // Kill and Finish wait for it
		defer close(p.ended)
		p.err = p.cmd.Wait()
		if o.Ended != nil {
			o.Ended(p.cmd.ProcessState)
		}
	}()
	return p, nil
}

// Clean leaves out of an environment the settings of Hydrant and of the Go runtime: they would change what is tried.
func Clean(environment []string) (kept []string) {
	for _, variable := range environment {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "HYDRANT_") && name != "GOMEMLIMIT" && name != "GOGC" && name != "GODEBUG" {
			kept = append(kept, variable)
		}
	}
	return kept
}

// Pid is the process's number, Output the end of what it wrote, Ended closed at its end.
func (p *Process) Pid() int               { return p.cmd.Process.Pid }
func (p *Process) Output() string         { return p.output.String() }
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Err is how the process ended; nil while it runs.
func (p *Process) Err() error {
	select {
	case <-p.ended:
		return p.err
	default:
		return nil
	}
}

// Signal sends a signal; a process that has ended gets none.
func (p *Process) Signal(s os.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p.Name, err)
	}
	return nil
}

// Kill ends the process as nothing else can, and waits for its end.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// Finish asks the process to end by itself and wants it to end well.
func (p *Process) Finish() error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	<-p.ended
	if p.err != nil {
		return fmt.Errorf("%s did not end well: %w\n%s", p.Name, p.err, p.output)
	}
	return nil
}

// Await looks every few milliseconds until the condition holds. It fails when the process or the context has ended.
func (p *Process) Await(ctx context.Context, what string, condition func() bool) error {
	const (
		pause    = 5 * time.Millisecond
		patience = time.Hour // large backlogs take their time
	)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !condition() {
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended while waiting until %s: %w\n%s", p.Name, what, errors.Join(p.err, ctx.Err()), p.output)
		case <-ctx.Done():
			return fmt.Errorf("%s: waited until %s: %w\n%s", p.Name, what, ctx.Err(), p.output)
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

// FreeAddress finds an address of the loopback that nothing listens on: a left-over server on it would be tried instead.
// Its port lies below those that kernels give to outgoing connections by themselves, so that none takes it before the
// server that it is meant for starts, or while that is down; and it is this process's until its end: none gets it twice.
func FreeAddress() (string, error) {
	const lowest, highest, attempts = 15_000, 32_000, 20
	var errs []error
	for range attempts {
		port := lowest + rand.IntN(highest-lowest)
		err := hold(port)
		if err == nil {
			address := fmt.Sprintf("127.0.0.1:%d", port)
			var listener net.Listener
			if listener, err = net.Listen("tcp", address); err == nil {
				return address, listener.Close()
			}
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("no free port in %d attempts: %w", attempts, errors.Join(errs...))
}
