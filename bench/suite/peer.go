package suite

import (
	"context"
	"fmt"
	"os"

	"hydrant/bench"
	"hydrant/bench/child"
)

// Peer is a server of others', which takes the same bodies as a node does, on the same disk.
type Peer struct {
	Name    string // of its side
	Version string
	Means   string // what its success answer says of a body

	// What a node's rate should be, in units of the peer's.
	Batches, Singles Goal

	// Prepare writes what the server needs below a directory of its own, which is removed when it has ended.
	Prepare func(dir string) (PeerServer, error)
}

// Goal is what a ratio should be, and what it should be better still.
type Goal struct{ Target, Beyond float64 }

// PeerServer is how a peer is run and reached.
type PeerServer struct {
	Program   string
	Arguments []string
	// Ready returns nil once the server takes bodies. It is asked again until then.
	Ready func(ctx context.Context) error
	Dial  func(producer int) (bench.Carrier, error)
	// Bodies is how many bodies the server itself has counted.
	Bodies func(ctx context.Context) (float64, error)
}

// measurePeer starts a peer, warms it up, measures a load on it, and ends it.
func (b *bed) measurePeer(ctx context.Context, p Peer, l load) (Side, error) {
	dir, err := os.MkdirTemp(b.dir, "peer-")
	if err != nil {
		return Side{}, err
	}
	defer os.RemoveAll(dir) // the bed's end removes it else, and tells
	as, err := p.Prepare(dir)
	if err != nil {
		return Side{}, fmt.Errorf("%s: %w", p.Name, err)
	}
	c, err := startWatched(ctx, child.Options{Name: p.Name, Program: as.Program, Arguments: as.Arguments})
	if err != nil {
		return Side{}, err
	}
	defer c.Kill()
	if err := c.Await(ctx, "it takes bodies", func() bool { return as.Ready(ctx) == nil }); err != nil {
		return Side{}, err
	}
	s := server{process: c, count: func(ctx context.Context) (float64, error) {
		bodies, err := as.Bodies(ctx)
		return bodies * float64(l.batch), err
	}}
	o := b.to("", l)
	o.URL, o.Dial = nil, as.Dial
	if err := b.warm(ctx, s, o); err != nil {
		return Side{}, err
	}
	used := c.watch.used()
	side, report, err := b.measure(ctx, s, o)
	if err != nil {
		return Side{}, err
	}
	side.Figures[writtenShare] = float64(c.watch.used().since(used).written) / (report.Measured.Megabytes * 1e6)
	return side, nil
}
