//go:build integration

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"hydrant/delivery/deliverytest"
)

// s3Behind is an S3 destination that the node reaches through a proxy; the verifier looks past it.
func s3Behind(t *testing.T) (destinationUnderTest, *deliverytest.Proxy) {
	d := s3Destination(t)
	proxy := deliverytest.StartProxy(t, d.server.Endpoint)
	d.yaml = strings.ReplaceAll(d.yaml, d.server.Endpoint, proxy.URL)
	return d, proxy
}

// Of every five answers to an upload one is lost after the object was stored: each object is stored once all the same.
func TestAnswersLost(t *testing.T) {
	d, proxy := s3Behind(t)
	lost := proxy.Spoil(deliverytest.Puts, 0.2, -1, deliverytest.LoseAnswer)
	dir := t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	p := startIn(t, dir, crashConfig(dir, d.yaml, 0), d.environment...)
	if _, err := runHydrant(t.Context(), t, nil, "bench", "--url", p.url, "--stream", "crash", "--ledger", ledger,
		"--connections", "4", "--batch", "50", "--keys", "20", "--rate", "5000", "--duration", "8s"); err != nil {
		t.Fatal(err)
	}
	p.delivered()
	objects := p.metric("hydrant_delivered_objects_total")
	p.stop()
	d.verifyAll(t, ledger)
	stored := proxy.Stored()
	for path, times := range stored {
		if times != 1 {
			t.Errorf("%s was stored %d times", path, times)
		}
	}
	if float64(len(stored)) != objects {
		t.Errorf("%d objects were stored, %v delivered", len(stored), objects)
	}
	if lost.Hits() < 10 {
		t.Errorf("only %d answers were lost", lost.Hits())
	}
	t.Logf("%d objects, %d answers lost", len(stored), lost.Hits())
}
