package main

import (
	"hydrant/bench"
	"hydrant/bench/sink"
	"hydrant/bench/suite"
	"hydrant/bench/torture"
)

// benchCommand is all of `hydrant bench`. The hidden commands are the servers that the suite starts beside nodes.
type benchCommand struct {
	bench.Command

	Suite   suite.Command      `cmd:"" help:"Measure this machine: ingest and delivery beside an empty server, the bare disk and the bare compressors."`
	Torture torture.Command    `cmd:"" help:"Run nodes under load, do to them what power, disks, networks and people do, and judge what was delivered."`
	Floor   suite.FloorCommand `cmd:"" hidden:"" help:"An HTTP server that reads bodies and does nothing."`
	S3sink  sink.Command       `cmd:"" name:"s3sink" hidden:"" help:"An S3 server that throws away what it is sent."`
}

// Help is shown behind the command's own line.
func (c *benchCommand) Help() string {
	return "hydrant bench --duration 10s makes a load on the stream demo of a node of this machine; hydrant bench run --help lists what " +
		"a load can be made of."
}
