package bench

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakePeer takes bodies, each tenth of which fails.
type fakePeer struct {
	mu             sync.Mutex
	bodies, lines  int
	dialed, closed int
}

func (p *fakePeer) dial(int) (Carrier, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dialed++; p.dialed > 3 {
		return nil, errors.New("no more than three")
	}
	return p, nil
}

func (p *fakePeer) Carry(body []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bodies++; p.bodies%10 == 0 {
		return errors.New("the tenth")
	}
	p.lines += bytes.Count(body, []byte{'\n'})
	return nil
}

func (p *fakePeer) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed++
}

// A carrier gets the bodies that a gateway would get, and what it fails with is told.
func TestCarriersTakeTheBodies(t *testing.T) {
	peer, o := new(fakePeer), DefaultOptions()
	o.URL, o.Dial, o.Batch, o.Body, o.Connections, o.Records = nil, peer.dial, 5, NDJSON, 3, 150
	report, err := Run(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if peer.bodies != 30 || peer.lines != 135 || report.Acked != 135 || report.Unknown != 15 || report.Measured.Records != 135 {
		t.Errorf("%d bodies, %d lines, report %+v", peer.bodies, peer.lines, report)
	}
	if f := report.Failures; len(f) != 1 || f[0].Kind != "not carried" || f[0].Example != "the tenth" {
		t.Errorf("failures: %+v", f)
	}
	if peer.closed != 3 {
		t.Errorf("%d of 3 connections were closed", peer.closed)
	}
}

// When one connection cannot be made, those that were made are closed.
func TestCarrierThatCannotBeDialled(t *testing.T) {
	peer, o := new(fakePeer), DefaultOptions()
	o.Dial, o.Connections, o.Duration = peer.dial, 4, time.Second
	if _, err := Run(t.Context(), o, nil); err == nil || !strings.Contains(err.Error(), "no more than three") || peer.closed != 3 {
		t.Errorf("got %v, and %d connections were closed", err, peer.closed)
	}
}
