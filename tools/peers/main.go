// Peers measures Hydrant beside other servers that say yes to a body when it is on disk, in one run, with one load generator:
// NATS JetStream that syncs always, and an OpenTelemetry Collector with a persistent queue that syncs. It builds them, and
// Hydrant, from their modules.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"hydrant/bench/suite"
)

type command struct {
	suite.RunCommand
	Source string `default:"../.." type:"existingdir" placeholder:"DIR" help:"Hydrant's source. With go run -C tools/peers, paths are relative to that directory."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c := new(command)
	k := kong.Parse(c, kong.Name("peers"), kong.Description("Measure Hydrant beside other durable servers: `hydrant bench suite` with rows of its own."))
	if err := c.run(ctx, k); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// run builds all that is measured, measures, and leaves nothing but what it was asked to write.
func (c *command) run(ctx context.Context, k *kong.Context) (err error) {
	dir, err := os.MkdirTemp(c.Dir, "hydrant-peers-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	built, err := build(ctx, c.Source, dir)
	if err != nil {
		return err
	}
	c.Program = built.hydrant
	c.Peers = built.peers()
	return c.RunCommand.Run(ctx, k)
}
