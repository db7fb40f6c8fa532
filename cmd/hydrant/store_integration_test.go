//go:build integration

package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hydrant/bench/s3fault"
	"hydrant/delivery/deliverytest"
)

// s3Behind is an S3 destination that the node reaches through a proxy; the verifier looks past it.
func s3Behind(t *testing.T) (destinationUnderTest, *deliverytest.Proxy) {
	d := s3Destination(t)
	proxy := deliverytest.StartProxy(t, d.server.Endpoint)
	d.yaml = strings.ReplaceAll(d.yaml, d.server.Endpoint, proxy.URL)
	return d, proxy
}

// Of every five answers to an upload one is lost after the object was stored: each of 1,000 objects is stored once all the same.
func TestAnswersLost(t *testing.T) {
	const objectsAtLeast = 1000
	d, proxy := s3Behind(t)
	lost := proxy.Spoil(s3fault.Puts, 0.2, -1, s3fault.LoseAnswer)
	dir := t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	p := startIn(t, dir, crashConfig(dir, d.yaml, 0), d.environment...)
	load := startLoad(p, "crash", ledger, "--connections", "4", "--batch", "50", "--keys", "500", "--rate", "2000")
	p.eventually("enough objects are stored", func() bool { return len(proxy.Stored()) >= objectsAtLeast })
	load.stop()
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
	if lost.Hits() < objectsAtLeast/10 {
		t.Errorf("%d answers were lost, which proves little", lost.Hits())
	}
	t.Logf("%d objects, %d answers lost", len(stored), lost.Hits())
}

// A store that does everything wrong now and then: nothing is lost or doubled, and no object is stored twice.
func TestStoreWithFaults(t *testing.T) {
	d, proxy := s3Behind(t)
	faults := map[string]*s3fault.Rule{
		"answer lost": proxy.Spoil(s3fault.Puts, 0.05, -1, s3fault.LoseAnswer),
		"cut":         proxy.Spoil(s3fault.Puts, 0.05, -1, s3fault.ResetMidBody),
		"500":         proxy.Spoil(s3fault.Any, 0.05, -1, s3fault.Answer(500, "InternalError")),
		"502":         proxy.Spoil(s3fault.Any, 0.02, -1, s3fault.Answer(502, "")),
		"slow down":   proxy.Spoil(s3fault.Puts, 0.02, -1, s3fault.Answer(503, "SlowDown")),
		"slow":        proxy.Spoil(s3fault.Any, 0.1, -1, s3fault.Delay(200*time.Millisecond)),
	}
	dir := t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	p := startIn(t, dir, crashConfig(dir, d.yaml, 0), d.environment...)
	load := startLoad(p, "crash", ledger, "--connections", "4", "--batch", "50", "--keys", "20", "--rate", "5000")
	for name, rule := range faults {
		p.eventually("some requests meet the fault "+name, func() bool { return rule.Hits() > 1 })
	}
	p.kill() // and in the middle of it all, the node
	load.stop()
	p = startIn(t, dir, crashConfig(dir, d.yaml, 0), d.environment...)
	p.delivered()
	p.stop()
	d.verifyAll(t, ledger)
	for path, times := range proxy.Stored() {
		if times != 1 {
			t.Errorf("%s was stored %d times", path, times)
		}
	}
	for name, rule := range faults {
		t.Logf("%s: %d times", name, rule.Hits())
	}
}

// oneRecord is a configuration whose every record is an object soon.
func oneRecord(data, destination string) string {
	return fmt.Sprintf(`
data_dir: %s
buffer: {max_disk: 1GiB}
streams:
  one:
    buffering: {size: 1MiB, interval: 1s}
    prefix: "one/"
    destination:
      %s
`, data, destination)
}

// A copy of a data directory that is started beside its original, or after it, delivers nothing and says why.
func TestCopiedDataDirectory(t *testing.T) {
	t.Parallel() // it mostly waits
	for name, destination := range map[string]func(*testing.T) destinationUnderTest{
		"directory": directoryDestination,
		"s3":        s3Destination,
	} {
		t.Run(name, func(t *testing.T) {
			d := destination(t)
			dir := t.TempDir()
			original, copied := filepath.Join(dir, "original"), filepath.Join(dir, "copied")
			p := startIn(t, dir, oneRecord(original, d.yaml), d.environment...)
			p.post("one", "application/json", `{"n":1}`)
			p.delivered()
			p.stop()
			if err := os.CopyFS(copied, os.DirFS(original)); err != nil {
				t.Fatal(err)
			}
			p = startIn(t, dir, oneRecord(original, d.yaml), d.environment...)
			p.post("one", "application/json", `{"n":2}`)
			p.delivered()
			q := startIn(t, t.TempDir(), oneRecord(copied, d.yaml), d.environment...)
			q.post("one", "application/json", `{"n":3}`)
			for range 3 { // each start raises the copy's epoch
				q.eventually("the copy stops and names the original", func() bool {
					text := q.get("/readyz")
					return strings.Contains(text, original) && strings.Contains(text, "is a copy")
				})
				q.kill()
				q = launchIn(t, t.TempDir(), oneRecord(copied, d.yaml), d.environment...)
			}
			p.post("one", "application/json", `{"n":4}`)
			p.delivered()
			if n := p.metric("hydrant_delivered_records_total"); n != 3 {
				t.Errorf("the original has delivered %v records, want 3", n)
			}
			p.stop()
		})
	}
}

// Records that wait for a bucket that does not exist go to the corrected one after a restart.
func TestBucketCorrected(t *testing.T) {
	t.Parallel() // it mostly waits
	d := s3Destination(t)
	dir := t.TempDir()
	wrong := strings.Replace(d.yaml, "lake", "no-such-lake", 1)
	p := startIn(t, dir, oneRecord(filepath.Join(dir, "data"), wrong), d.environment...)
	p.post("one", "application/json", `{"n":1}`)
	p.eventually("the store refuses", func() bool {
		return p.metric("hydrant_upload_failures_total") > 1
	})
	p.kill()
	p = startIn(t, dir, oneRecord(filepath.Join(dir, "data"), d.yaml), d.environment...)
	p.post("one", "application/json", `{"n":2}`)
	p.delivered()
	if n := p.metric("hydrant_delivered_records_total"); n != 2 {
		t.Errorf("%v records are delivered, want 2", n)
	}
	p.stop()
}

// Credentials end and are replaced by what hands them out: delivery is held, and goes on without a restart.
func TestCredentialsEnd(t *testing.T) {
	t.Parallel() // it mostly waits
	d, proxy := s3Behind(t)
	dir := t.TempDir()
	given := filepath.Join(dir, "given.json")
	hand := func(key string) {
		text := fmt.Sprintf(`{"Version":1,"AccessKeyId":%q,"SecretAccessKey":%q}`, key, d.server.Secret)
		if err := os.WriteFile(given, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hand(d.server.AccessKey)
	profile := filepath.Join(dir, "config")
	if err := os.WriteFile(profile, []byte("[default]\ncredential_process = cat "+given+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startIn(t, dir, oneRecord(filepath.Join(dir, "data"), d.yaml), "AWS_CONFIG_FILE="+profile, "AWS_REGION=us-east-1")
	p.post("one", "application/json", `{"n":1}`)
	p.delivered()
	ended := proxy.Spoil(s3fault.Any, 1, -1, s3fault.Answer(403, "ExpiredToken"))
	p.post("one", "application/json", `{"n":2}`)
	p.eventually("the store refuses", func() bool { return ended.Hits() > 0 && p.metric("hydrant_upload_failures_total") > 0 })
	hand("AKUNKNOWN") // and what is handed out next is wrong too, as the store itself says
	proxy.Heal()
	unknown := proxy.Spoil(func(r *http.Request) bool {
		return strings.Contains(r.Header.Get("Authorization"), "AKUNKNOWN")
	}, 1, -1, s3fault.Delay(0))
	p.eventually("the wrong ones are refused", func() bool { return unknown.Hits() > 1 })
	hand(d.server.AccessKey)
	p.delivered()
	p.stop()
}

// get is the text of a page of the admin port, empty while that does not answer.
func (p *process) get(path string) string {
	p.t.Helper()
	r, err := http.Get(p.admin + path)
	if err != nil {
		return ""
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}
