// Hydrant is an ingest gateway and delivery buffer: records come in over HTTP, are on stable storage when they are
// acknowledged, and are delivered in batches to an object store, each exactly once.
//
// The program wires the packages together and holds what only the whole can know:
//   - configuration: read, completed, validated, masked (config*.go); reloaded while the node runs (reload.go)
//   - a node: started in the direction of its dependencies, stopped in that of the data (serve.go, node.go, node_stop.go)
//   - its streams: definitions of the file and of the API, made versions of the buffer (streams.go, streams_define.go, fleet.go)
//   - what its memory and its disk are for (memory.go, pace.go), and whether it is ready and why not (health.go)
//   - what the console and the metrics show of all this (console*.go, traces.go)
//   - a file for each other command: check, streams, replay, inspect, try, drain, keys, top, bench
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes of every command.
const (
	exitGood   = 0
	exitFailed = 1
	exitUsage  = 2
)

// commands is the command line.
type commands struct {
	Serve   serveCommand   `cmd:"" help:"Run a node."`
	Check   checkCommand   `cmd:"" help:"Validate a configuration and print what is in force."`
	Try     tryCommand     `cmd:"" help:"Show what a stream makes of sample records: where they go, or why they cannot."`
	Replay  replayCommand  `cmd:"" help:"Send what was delivered, or what the error output kept, through a stream again."`
	Drain   drainCommand   `cmd:"" help:"Deliver what a stopped node's buffer holds, and exit."`
	Inspect inspectCommand `cmd:"" help:"Show what a stopped node's buffer holds."`
	Streams streamsCommand `cmd:"" help:"List, describe, create, update, delete and tag the streams of a running node."`
	Top     topCommand     `cmd:"" help:"Show a running node: streams, rates, what waits and why."`
	Bench   benchCommand   `cmd:"" help:"Load a node, and verify what it delivered."`
	Keys    keysCommand    `cmd:"" help:"API keys of producers, and master keys for encryption."`
	Version versionCommand `cmd:"" help:"Print what this binary was built from."`
}

// console is what commands write to.
type console struct {
	Out io.Writer // results
	Err io.Writer // everything else
}

func main() {
	os.Exit(run(os.Args[1:], console{Out: os.Stdout, Err: os.Stderr}))
}

// run executes the command that arguments name and returns the exit code of the process.
func run(arguments []string, to console) int {
	helped := false
	parser := newParser(to, func(int) { helped = true })
	command, err := parser.Parse(arguments)
	if helped {
		return exitGood
	}
	if err != nil {
		fmt.Fprintf(to.Err, "hydrant: %v; %s\n", err, adviseUsage(err))
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(); err != nil {
		fmt.Fprintf(to.Err, "hydrant: %v\n", err)
		return exitFailed
	}
	return exitGood
}

// newParser makes the parser of the command line. exit is called where help was asked for and has been given.
func newParser(to console, exit func(int)) *kong.Kong {
	return kong.Must(&commands{},
		kong.Name("hydrant"),
		kong.Description("An ingest gateway and delivery buffer, compatible with Amazon Data Firehose. To begin: hydrant serve, "+
			"which needs no configuration."),
		kong.Writers(to.Out, to.Err),
		kong.Exit(exit),
		kong.Bind(to),
	)
}
