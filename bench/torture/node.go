package torture

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"hydrant/bench/child"
)

// nodeOptions are what nodes differ in.
type nodeOptions struct {
	name      string
	stream    string
	prefix    string // of its objects' keys
	form      string // of its stream's objects: buffering and compression
	ownVolume bool   // its data lies in a file system of its own
}

// node is a node of Hydrant's, in one life after the other. Faults work on it one after the other; others only look.
type node struct {
	nodeOptions
	bed    *bed
	dir    string  // of its configuration, and of its data where it has no volume
	volume *volume // nil where there are none

	listen, admin string // the same in all lives

	mu      sync.Mutex
	process *child.Process // the last one
}

// usualForm makes many small objects.
const usualForm = "buffering: {size: 1MiB, interval: 1s}"

func (b *bed) newNode(o nodeOptions) (*node, error) {
	n := &node{nodeOptions: o, bed: b, dir: filepath.Join(b.dir, o.name)}
	if err := os.Mkdir(n.dir, 0o755); err != nil {
		return n, err
	}
	var err error
	if n.listen, err = child.FreeAddress(); err != nil {
		return n, err
	}
	if n.admin, err = child.FreeAddress(); err != nil {
		return n, err
	}
	if o.ownVolume {
		n.volume, err = newVolume(n.dir)
	}
	return n, err
}

func (n *node) data() string {
	if n.volume != nil {
		return filepath.Join(n.volume.dir, "data")
	}
	return filepath.Join(n.dir, "data")
}

// configure writes the configuration file. Variants differ in what decides an object's key.
func (n *node) configure(variant int) error {
	text := fmt.Sprintf(`data_dir: %q
log: {level: warn}
memory: 128MiB
buffer: {max_disk: 256MiB}
streams:
  %s:
    %s
    prefix: "%skey=!{partitionKeyFromQuery:key}/v%d/"
    error_prefix: "%serrors/"
    partition_keys: {key: .key}
    destination: {s3: %s}
`, n.data(), n.stream, n.form, n.prefix, variant, n.prefix, n.bed.destination)
	return n.write(text)
}

func (n *node) write(config string) error {
	return os.WriteFile(filepath.Join(n.dir, "hydrant.yaml"), []byte(config), 0o600)
}

// launch starts a life and does not wait. It lasts until a fault or close ends it, whatever becomes of the context.
func (n *node) launch(ctx context.Context) error {
	p, err := child.Start(context.WithoutCancel(ctx), child.Options{
		Name: n.name, Program: n.bed.program,
		Arguments:   []string{"serve", "--config", filepath.Join(n.dir, "hydrant.yaml"), "--grace", "2s"},
		Environment: append(n.bed.environment, "HYDRANT_LISTEN="+n.listen, "HYDRANT_ADMIN="+n.admin),
	})
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.process = p
	return nil
}

func (n *node) current() *child.Process {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.process
}

func (n *node) output() string {
	if p := n.current(); p != nil {
		return p.Output()
	}
	return ""
}

func (n *node) kill() { n.current().Kill() }

// terminate asks the node to stop, and wants it to do so.
func (n *node) terminate() error {
	if err := n.current().Finish(); err != nil {
		return n.errorf("SIGTERM: %w", err)
	}
	return nil
}

func (n *node) reload() error { return n.current().Signal(syscall.SIGHUP) }

// ended reports whether the process has ended by itself.
func (n *node) ended() bool {
	select {
	case <-n.current().Ended():
		return true
	default:
		return false
	}
}

// patience bounds every wait for a node to get well: its longest pause between two attempts, and a slow machine's time.
const patience = 3 * time.Minute

// recover waits until the node takes records of the load, and starts it anew should it have ended.
func (n *node) recover(ctx context.Context) error {
	before := -1.0
	return n.await(ctx, "it takes records again", func(ctx context.Context) (bool, error) {
		if n.ended() {
			before = -1
			return false, n.launch(ctx)
		}
		m, err := n.metrics(ctx)
		now := m[accepted]
		if err != nil || before < 0 || now < before {
			before = now
			return false, nil
		}
		return now > before, nil
	})
}

// await looks until the condition holds, for as long as patience lasts.
func (n *node) await(ctx context.Context, what string, condition func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		done, err := condition(ctx)
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return n.errorf("not within %v: %s", patience, what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// ready waits until the node serves, loaded or not.
func (n *node) ready(ctx context.Context) error {
	return n.await(ctx, "it is ready", func(ctx context.Context) (bool, error) {
		if n.ended() {
			return false, n.errorf("it has ended: %w", n.current().Err())
		}
		return child.Answers(ctx, n.adminURL()+"/livez"), nil
	})
}

func (n *node) url() string      { return "http://" + n.listen }
func (n *node) adminURL() string { return "http://" + n.admin }

func (n *node) metrics(ctx context.Context) (child.Metrics, error) {
	return child.ReadMetrics(ctx, n.adminURL())
}

// close ends the node, whatever it does, and takes its volume away.
func (n *node) close() error {
	if p := n.current(); p != nil {
		p.Kill()
	}
	if n.volume != nil {
		return n.volume.close()
	}
	return nil
}
