//go:build integration

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hydrant/bench/s3fault"
	"hydrant/delivery/deliverytest"
)

const copiesBucket = "copies"

// backedUpS3 is a destination and a configuration whose backup goes to another bucket of its server, through a proxy.
func backedUpS3(t *testing.T) (d, copies destinationUnderTest, proxy *deliverytest.Proxy, config func(dir string, cycle int) string) {
	d = s3Destination(t)
	d.server.MakeBucket(t, copiesBucket)
	proxy = deliverytest.StartProxy(t, d.server.Endpoint)
	copies = d
	copies.verify = append([]string{"--s3", "s3://" + copiesBucket}, d.verify[2:]...)
	copies.objects = filepath.Join(d.server.Dir, copiesBucket)
	config = func(dir string, cycle int) string {
		return crashConfig(dir, d.yaml, cycle) + fmt.Sprintf(`
    backup:
      buffering: {size: 1MiB, interval: 1s}
      destination:
        s3: {bucket: %s, region: us-east-1, endpoint: %q, path_style: true}
`, copiesBucket, proxy.URL)
	}
	return d, copies, proxy, config
}

// verifyCopies has the verifier compare a backup, which is not partitioned, with the ledger.
func (d destinationUnderTest) verifyCopies(t *testing.T, ledger string) {
	t.Helper()
	arguments := append([]string{"bench", "verify", "--ledger", ledger, "--json"}, d.verify...)
	if _, err := runHydrant(t.Context(), t, d.environment, arguments...); err != nil {
		t.Error(err)
	}
}

// kill -9 at random moments under load, with a backup that loses answers: the stream's bucket and the backup's each hold
// every acknowledged record once.
func TestBackupKillNine(t *testing.T) {
	d, copies, proxy, config := backedUpS3(t)
	proxy.Spoil(s3fault.Puts, 0.1, -1, s3fault.LoseAnswer)
	dir := t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	for cycle := range max(3, kills(t)/4) {
		p := startIn(t, dir, config(dir, cycle), d.environment...)
		load := startLoad(p, "crash", ledger, "--connections", "8", "--batch", fmt.Sprint(1+cycle%2*49), "--keys", "5", "--timeout", "1s")
		load.goOn(rand.N(1500 * time.Millisecond))
		p.kill()
		load.stop()
	}
	p := startIn(t, dir, config(dir, 0), d.environment...)
	p.delivered()
	if got, want := p.metric("hydrant_backup_records_total"), p.metric("hydrant_accepted_records_total"); got != want {
		t.Errorf("%v copies of %v records are counted", got, want)
	}
	if got, want := p.metric("hydrant_delivered_records_total"), p.metric("hydrant_accepted_records_total"); got != want {
		t.Errorf("%v of %v records are counted as delivered", got, want)
	}
	p.stop()
	d.verifyAll(t, ledger)
	copies.verifyCopies(t, ledger)
}

// The backup's bucket is away for a while, over a kill: the stream is delivered meanwhile, the trouble is told with
// Firehose's code, and afterwards the backup has everything.
func TestBackupBucketAway(t *testing.T) {
	d, copies, proxy, config := backedUpS3(t)
	away := proxy.Spoil(s3fault.Any, 1, -1, s3fault.Answer(http.StatusNotFound, "NoSuchBucket"))
	dir := t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	p := startIn(t, dir, config(dir, 0), d.environment...)
	load := startLoad(p, "crash", ledger, "--connections", "4", "--batch", "50", "--keys", "5", "--rate", "2000")
	p.eventually("the backup is refused", func() bool { return away.Hits() > 2 })
	load.stop()
	arrived := func() bool { return p.metric("hydrant_pending_records") == 0 }
	p.eventually("the stream is delivered", arrived)
	if n := p.metric("hydrant_backup_pending_records"); n == 0 || p.metric("hydrant_pending_bytes") == 0 {
		t.Errorf("%v records wait for the backup, and the buffer holds %v bytes", n, p.metric("hydrant_pending_bytes"))
	}
	p.kill()
	p = p.again()
	p.eventually("the totals are there", func() bool { return arrived() && p.metric("hydrant_accepted_records_total") > 0 })
	objects := p.metric("hydrant_delivered_objects_total")
	p.eventually("the backup is refused again", func() bool { return p.metric("hydrant_backup_upload_failures_total") > 0 })
	p.eventually("the error is told", func() bool { return tellsError(t, p, "S3.NoSuchBucket") })
	p.eventually("the description tells of it", func() bool {
		out, err := runHydrant(t.Context(), t, nil, "streams", "describe", "crash", "--url", p.url)
		must(t, err)
		return strings.Contains(out, "S3.NoSuchBucket") && strings.Contains(out, "backup s3://"+copiesBucket)
	})
	proxy.Heal()
	p.delivered()
	if now := p.metric("hydrant_delivered_objects_total"); now != objects {
		t.Errorf("%v objects of the stream were delivered again", now-objects)
	}
	p.stop()
	d.verifyAll(t, ledger)
	copies.verifyCopies(t, ledger)
}

// tellsError looks for an error's code where the admin listener tells of them.
func tellsError(t *testing.T, p *process, code string) bool {
	t.Helper()
	r, err := http.Get(p.admin + "/streams/crash/errors")
	must(t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	must(t, err)
	var reports []struct {
		Code, Message, Destination string
		Backup                     bool
		Count                      int64
	}
	must(t, json.Unmarshal(text, &reports))
	for _, e := range reports {
		if e.Code == code && e.Backup && e.Destination == "s3://"+copiesBucket && e.Count > 0 && e.Message != "" {
			return true
		}
	}
	return false
}
