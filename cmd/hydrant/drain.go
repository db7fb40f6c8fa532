package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// drainCommand delivers what a stopped node's buffer holds.
type drainCommand struct {
	Config  string        `help:"Configuration file of the node." type:"path" placeholder:"FILE"`
	DataDir string        `help:"Data directory to deliver in place of the configuration's: that of a node that is gone for good." type:"path" placeholder:"DIR"`
	Timeout time.Duration `help:"Give up after this long; what is left waits in the buffer (0: never)." default:"0s"`
}

// Help is shown behind the command's own line.
func (c *drainCommand) Help() string {
	return "With --data-dir a node's configuration serves to deliver the disk of another one, also while the node itself runs: " +
		"streams that the configuration lacks are delivered as they were defined last."
}

// Run opens the buffer without a gateway, delivers everything, and ends. It fails if something is left.
func (c *drainCommand) Run(ctx context.Context, to console) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	n, err := openNode(cfg, cfg.Log.Logger(to.Err))
	if err != nil {
		return adviseInUse(err, "a node that runs delivers by itself, as hydrant top shows; stop it to drain what it leaves")
	}
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Timeout)
		defer cancel()
	}
	done := make(chan error, 1)
	go func() { done <- n.service.Drain(ctx, n.buffer) }()
	err = watchDrain(done, func() { n.tellDrain(to.Err) })
	left := n.pending()
	if closed := n.stop(0); closed != nil {
		return closed
	}
	if err != nil {
		return fmt.Errorf("%s left in the buffer: %w", counted(left, "record"), err)
	}
	fmt.Fprintln(to.Out, "everything is delivered")
	return nil
}

// load reads the configuration. A directory that is given must hold a buffer: a new one would hide a mistake in its name.
func (c *drainCommand) load() (*Config, error) {
	environ := os.Environ()
	if c.DataDir != "" {
		if _, err := os.Stat(filepath.Join(c.DataDir, bufferDir)); err != nil {
			return nil, fmt.Errorf("--data-dir: no node has left its buffer there: %w", err)
		}
		environ = append(environ, variableOf("data_dir")+"="+c.DataDir)
	}
	return Load(c.Config, environ)
}

// watchDrain tells of the progress each second until the drain is done.
func watchDrain(done <-chan error, tell func()) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			tell()
		}
	}
}

func (n *node) tellDrain(w io.Writer) {
	fmt.Fprintf(w, "%s to deliver\n", counted(n.pending(), "record"))
	for _, trouble := range n.service.Health() {
		fmt.Fprintf(w, "  stream %s: %s\n", trouble.Stream, brief(trouble.Reason))
	}
}

// pending is how many records the buffer holds, all streams together.
func (n *node) pending() (records int64) {
	for _, s := range n.buffer.Stats().Streams {
		records += s.Pending
	}
	return records
}
