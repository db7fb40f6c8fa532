package suite

import (
	"context"
	"fmt"
	"strings"
)

// besidePeers is durable ingest beside that of others, and all of them beside a server that does nothing.
type besidePeers struct {
	label  string
	load   load
	figure string
	peers  []Peer
	goal   func(Peer) Goal
}

func peerRows(peers []Peer) []row {
	return []row{
		besidePeers{"peers-ndjson", batches, megabytesPS, peers, func(p Peer) Goal { return p.Batches }},
		besidePeers{"peers-single", singles, requestsPS, peers, func(p Peer) Goal { return p.Singles }},
	}
}

func (r besidePeers) name() string { return r.label }

func (r besidePeers) about() string {
	var means strings.Builder
	for _, p := range r.peers {
		fmt.Fprintf(&means, "; %s (%s): %s", p.Name, p.Version, p.Means)
	}
	return fmt.Sprintf("%s, delivery off, beside others that take the same bodies from as many connections, one at a time each, on the same disk. "+
		"What a success answer means: floor: nothing; node: the records are in its log, synced%s", r.load, means.String())
}

func (r besidePeers) targets() []target {
	all := []target{{measure: "node / floor, " + labelOf(r.figure), of: plain(floorShare, "node")}}
	for _, p := range r.peers {
		goal := r.goal(p)
		all = append(all, target{"node / " + p.Name + ", " + labelOf(r.figure), goal.Target, goal.Beyond, false, over(r.figure, "node", p.Name)})
	}
	return all
}

func (r besidePeers) sample(ctx context.Context, b *bed) (Sample, error) {
	floor, err := b.measureFloor(ctx, r.load)
	if err != nil {
		return Sample{}, err
	}
	node, err := b.measureIngest(ctx, r.load)
	if err != nil {
		return Sample{}, err
	}
	s := Sample{Sides: []Side{floor, node}}
	for _, p := range r.peers {
		side, err := b.measurePeer(ctx, p, r.load)
		if err != nil {
			return Sample{}, err
		}
		s.Sides = append(s.Sides, side)
	}
	for _, side := range s.Sides {
		side.Figures[floorShare] = ratio(side.Figures[r.figure], floor.Figures[r.figure])
	}
	return s, nil
}
