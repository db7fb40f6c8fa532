//go:build integration

package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"hydrant/bench/s3fault"
)

// A machine dies under load, with uploads on their way that reach the store long after: some before another node delivers
// a copy of its disk, some behind it. Every acknowledged record is delivered once, also when the dead node then comes back
// with the disk that it had.
func TestDeadNodesDiskIsAdopted(t *testing.T) {
	t.Parallel() // it mostly waits, for the dead node's lease
	d, proxy := s3Behind(t)
	late := &lateUploads{pass: make(chan struct{})}
	release := sync.OnceFunc(func() { close(late.pass) })
	t.Cleanup(release)
	home, elsewhere := t.TempDir(), t.TempDir()
	ledger := filepath.Join(home, "ledger")
	other := startIn(t, elsewhere, crashConfig(elsewhere, d.yaml, 0), d.environment...)
	dead := startIn(t, home, crashConfig(home, d.yaml, 0), d.environment...)
	load := startLoad(dead, "crash", ledger, "--connections", "8", "--batch", "50", "--keys", "5")
	dead.eventually("objects are delivered", func() bool { return dead.metric("hydrant_delivered_objects_total") > 5 })
	lost := proxy.Spoil(s3fault.Puts, 1, 2, s3fault.LoseAnswer)
	held := proxy.Spoil(s3fault.Puts, 1, -1, late.hold)
	dead.eventually("uploads are on their way", func() bool { return lost.Hits() == 2 && late.whole.Load() >= 2 })
	dead.kill()
	load.stop()
	held.End()
	late.pass <- struct{}{}
	other.eventually("a late upload has reached the store", func() bool { return late.stored.Load() == 1 })

	adopted := filepath.Join(elsewhere, "of-the-dead-node")
	must(t, os.CopyFS(adopted, os.DirFS(filepath.Join(home, "data"))))
	out, err := runHydrant(t.Context(), t, d.environment, "drain", "--config", filepath.Join(elsewhere, "hydrant.yaml"), "--data-dir", adopted)
	if err != nil || !strings.Contains(out, "everything is delivered") {
		t.Fatalf("%v: drain said %q", err, out)
	}
	release()
	other.eventually("so have all others", func() bool { return late.stored.Load() == late.whole.Load() })
	d.verifyAll(t, ledger)

	back := launchIn(t, home, crashConfig(home, d.yaml, 0), d.environment...)
	back.eventually("the node that came back is refused", func() bool { return back.readiness() != 0 && back.metric("hydrant_delivery_stopped") == 1 })
	back.kill() // its output is whole then
	if !strings.Contains(back.output.String(), "one data directory is a copy of the other") {
		t.Errorf("it does not say why:\n%s", back.output)
	}
	other.stop()
	d.verifyAll(t, ledger)
	for path, times := range proxy.Stored() {
		if times != 1 {
			t.Errorf("%s was stored %d times", path, times)
		}
	}
}

// lateUploads are requests that reach the store after their sender is gone.
type lateUploads struct {
	pass          chan struct{} // lets one on; closed: all
	whole, stored atomic.Int64
}

// hold takes a request in whole, and passes it on when it may.
func (l *lateUploads) hold(_ http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // its sender died before it had left
	}
	l.whole.Add(1)
	<-l.pass
	r = r.Clone(context.WithoutCancel(r.Context()))
	r.Body = io.NopCloser(bytes.NewReader(body))
	forward(httptest.NewRecorder(), r)
	l.stored.Add(1)
}
