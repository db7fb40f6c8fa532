package suite

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"hydrant/bench"
)

// counter is a peer's carrier that takes everything.
type counter struct{ bodies *atomic.Int64 }

func (c counter) Carry([]byte) error { c.bodies.Add(1); return nil }
func (c counter) Close()             {}

// quietPeer is a process that does nothing, with a carrier of the test's. Of the bodies it counts so many in a hundred.
func quietPeer(percent int64) Peer {
	bodies := new(atomic.Int64)
	return Peer{
		Name: "quiet", Version: "v1", Means: "nothing", Batches: Goal{2, 3}, Singles: Goal{4, 5},
		Prepare: func(string) (PeerServer, error) {
			return PeerServer{
				Program: "/bin/sleep", Arguments: []string{"3600"},
				Ready:  func(context.Context) error { return nil },
				Dial:   func(int) (bench.Carrier, error) { return counter{bodies}, nil },
				Bodies: func(context.Context) (float64, error) { return float64(bodies.Load() * percent / 100), nil },
			}, nil
		},
	}
}

func TestPeersAreMeasured(t *testing.T) {
	b := newQuickBed(t)
	side, err := b.measurePeer(t.Context(), quietPeer(100), batches)
	if err != nil || side.Name != "quiet" || side.Figures[megabytesPS] <= 0 || side.Figures[ackP99] <= 0 {
		t.Errorf("measured %+v, %v", side, err)
	}
	// One that has counted fewer bodies than were acknowledged is not what answered.
	if _, err := b.measurePeer(t.Context(), quietPeer(50), batches); err == nil || !strings.Contains(err.Error(), "something else answered") {
		t.Errorf("got %v", err)
	}
	closesClean(t, b)
}

// With peers there are rows of theirs and no others, and what their answers mean is told.
func TestRowsOfPeers(t *testing.T) {
	o := Options{Quick: true, Peers: []Peer{quietPeer(100)}}
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	selected := o.rows()
	if len(selected) != 2 || selected[0].name() != "peers-ndjson" || selected[1].name() != "peers-single" {
		t.Fatalf("selected %v", selected)
	}
	s := Sample{Sides: []Side{
		{Name: "node", Figures: Figures{megabytesPS: 30, requestsPS: 90, floorShare: 0.25}},
		{Name: "quiet", Figures: Figures{megabytesPS: 10, requestsPS: 9}},
	}}
	for i, want := range []struct{ ratio, target float64 }{{3, 2}, {10, 4}} {
		all := selected[i].targets()
		if len(all) != 2 || all[0].of(s) != 0.25 || all[1].of(s) != want.ratio || all[1].target != want.target {
			t.Errorf("%s: targets %+v", selected[i].name(), all)
		}
		if !strings.Contains(selected[i].about(), "quiet (v1): nothing") {
			t.Errorf("about: %s", selected[i].about())
		}
	}
	o.S3 = "s3://lake/here"
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), "s3: ") {
		t.Errorf("a store beside peers: %v", err)
	}
}
