//go:build integration

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// functionUnderLoad answers as a function of Firehose: records that say so are dropped, failed or changed, and all others
// go on as they are, but for one in a hundred that fails, another one at each call. Its first call hangs.
type functionUnderLoad struct{ calls atomic.Int64 }

func (f *functionUnderLoad) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the node was killed
	}
	if f.calls.Add(1) == 1 {
		<-r.Context().Done()
		return
	}
	type record struct {
		RecordID string `json:"recordId"`
		Result   string `json:"result"`
		Data     []byte `json:"data"`
	}
	var message struct {
		Records []record `json:"records"`
	}
	if err := json.Unmarshal(body, &message); err != nil || r.Header.Get("X-Key") != "s3cret" {
		http.Error(w, fmt.Sprintf("no request of a stream's: %v", err), http.StatusBadRequest)
		return
	}
	for i := range message.Records {
		one := &message.Records[i]
		text := string(one.Data)
		switch {
		case strings.Contains(text, `"do":"drop"`):
			one.Result = "Dropped"
		case strings.Contains(text, `"do":"fail"`), !strings.Contains(text, `"do":`) && rand.N(100) == 0:
			one.Result = "ProcessingFailed"
		default:
			one.Result, one.Data = "Ok", []byte(strings.Replace(text, `"do":"change"`, `"did":"change"`, 1))
		}
	}
	_ = json.NewEncoder(w).Encode(message) // the node may have been killed
}

// A function under load, with a node that is killed all the time: each record is at the destination once, as the function
// made it, or in the error output, or dropped, and the books say so.
func TestFunctionUnderKills(t *testing.T) {
	t.Parallel() // it mostly waits
	server := httptest.NewServer(new(functionUnderLoad))
	defer server.Close()
	d, dir := directoryDestination(t), t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	config := strings.Replace(crashConfig(dir, d.yaml, 0), "    destination:", fmt.Sprintf(`    error_prefix: "errors/!{firehose:error-output-type}/"
    transform:
      http: {url: %q, headers: {X-Key: s3cret}}
      buffering: {size: 200KiB, interval: 100ms}
      timeout: 1s
      retries: 300
    destination:`, server.URL), 1)

	const lives, each = 3, 10 // records of ours of each kind in a life
	changed := map[string]int{}
	var p *process
	for life := range lives {
		p = startIn(t, dir, config)
		load := startLoad(p, "crash", ledger, "--connections", "4", "--batch", "20", "--keys", "5", "--timeout", "1s", "--rate", "3000")
		p.post("crash", "application/x-ndjson", ownRecords(life, each, changed))
		if life == 0 {
			p.eventually("the call that hangs is given up", func() bool { return p.metric("hydrant_function_failures_total") > 0 })
		}
		load.goOn(rand.N(time.Second))
		p.kill()
		load.stop()
	}
	p = startIn(t, dir, config)
	p.delivered()
	dropped, failed := p.metric("hydrant_dropped_records_total"), p.metric("hydrant_error_output_records_total")
	if dropped != lives*each {
		t.Errorf("%v records are counted as dropped, want %d", dropped, lives*each)
	}
	if accepted, delivered := p.metric("hydrant_accepted_records_total"), p.metric("hydrant_delivered_records_total"); accepted != delivered+failed+dropped {
		t.Errorf("%v accepted, %v delivered, %v failed and %v dropped", accepted, delivered, failed, dropped)
	}
	p.stop()
	verdict := d.verifyAll(t, ledger)
	t.Logf("%v failed; %v", failed, verdict)

	checkFunctionOutput(t, files(t, d.objects), changed, int(failed), lives*each)
	out, err := runHydrant(t.Context(), t, nil, "inspect", filepath.Join(dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "\nmade by the function of stream crash ") || strings.Contains(out, "s3cret") {
		t.Errorf("inspect shows no derived lane, or a header's value:\n%s", out)
	}
}

// ownRecords are n records of each kind that the function knows, as NDJSON. It adds to changed what it makes of some.
func ownRecords(life, n int, changed map[string]int) string {
	var records strings.Builder
	for i := range n {
		for _, do := range []string{"drop", "fail", "change"} {
			fmt.Fprintf(&records, `{"key":"ours","n":"%d-%d","do":"%s"}`+"\n", life, i, do)
		}
		changed[fmt.Sprintf(`{"key":"ours","n":"%d-%d","did":"change"}`+"\n", life, i)] = 0
	}
	return records.String()
}

// checkFunctionOutput wants the changed lines once each in the data, and in the error output as many records as failed,
// ours of them ours.
func checkFunctionOutput(t *testing.T, objects map[string]string, changed map[string]int, failed, ours int) {
	t.Helper()
	gotFailed, gotOurs := 0, 0
	for key, content := range objects {
		for line := range strings.Lines(content) {
			if !strings.HasPrefix(key, "errors/") {
				if n, known := changed[line]; known {
					changed[line] = n + 1
				} else if strings.Contains(line, `"do":`) {
					t.Errorf("%s holds a record as it came in: %s", key, line)
				}
				continue
			}
			var failure struct {
				ErrorCode string
				RawData   []byte
			}
			must(t, json.Unmarshal([]byte(line), &failure))
			if failure.ErrorCode != "Lambda.ProcessingFailedStatus" {
				t.Errorf("%s: %s", key, line)
			}
			gotFailed++
			if strings.Contains(string(failure.RawData), `"do":"fail"`) {
				gotOurs++
			}
		}
	}
	if gotFailed != failed || gotOurs != ours {
		t.Errorf("the error output has %d records, %d of them ours; want %d and %d", gotFailed, gotOurs, failed, ours)
	}
	for line, n := range changed {
		if n != 1 {
			t.Errorf("found %d times: %s", n, line)
		}
	}
}

// Bits flip in the buffer of a killed node whose function was away: what is lost is counted, all else is delivered once, and
// the books balance.
func TestDamageBeforeAFunction(t *testing.T) {
	t.Parallel() // it mostly waits
	var back atomic.Bool
	function := new(undecidedFunction)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !back.Load() {
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		function.ServeHTTP(w, r)
	}))
	defer server.Close()
	d, dir := directoryDestination(t), t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	config := strings.Replace(crashConfig(dir, d.yaml, 0), "    destination:", fmt.Sprintf(`    error_prefix: "errors/!{firehose:error-output-type}/"
    transform: {http: {url: %q}, buffering: {interval: 100ms}}
    destination:`, server.URL), 1)
	p := startIn(t, dir, config)
	load := startLoad(p, "crash", ledger, "--connections", "4", "--batch", "20", "--keys", "5", "--rate", "3000")
	p.eventually("records wait for the function", func() bool { return p.metric("hydrant_accepted_records_total") > 5000 })
	load.stop()
	p.kill()
	back.Store(true)
	wantBooksAfterDamage(t, d, dir, ledger, config)
}

// Bits flip in the buffer of a killed node when its function has had all of the records, and none of what it made is delivered.
func TestDamageBehindAFunction(t *testing.T) {
	t.Parallel() // it mostly waits
	server := httptest.NewServer(new(undecidedFunction))
	defer server.Close()
	d, dir := directoryDestination(t), t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	config := strings.Replace(crashConfig(dir, d.yaml, 0), "    destination:", fmt.Sprintf(`    error_prefix: "errors/!{firehose:error-output-type}/"
    transform: {http: {url: %q}, buffering: {interval: 100ms}}
    destination:`, server.URL), 1)
	p := startIn(t, dir, strings.Replace(config, "size: 1MiB, interval: 1s", "size: 64MiB, interval: 15m", 1))
	load := startLoad(p, "crash", ledger, "--connections", "4", "--batch", "20", "--keys", "5", "--rate", "3000")
	p.eventually("records are journaled", func() bool { return p.metric("hydrant_function_records_total") > 5000 })
	load.stop()
	p.eventually("all of them are", func() bool {
		return p.metric("hydrant_function_records_total") == p.metric("hydrant_accepted_records_total")
	})
	if objects := p.metric("hydrant_delivered_objects_total"); objects != 0 {
		t.Errorf("%v objects are delivered already", objects)
	}
	p.kill()
	wantBooksAfterDamage(t, d, dir, ledger, config)
}

// wantBooksAfterDamage damages the buffer of a node that was killed and starts it again.
func wantBooksAfterDamage(t *testing.T, d destinationUnderTest, dir, ledger, config string) {
	t.Helper()
	flipBits(t, filepath.Join(dir, "data"), 20)
	p := startIn(t, dir, config)
	p.eventually("all that is left is delivered, and the books balance", func() bool {
		return p.metric("hydrant_pending_bytes") == 0 && p.metric("hydrant_pending_records") == 0
	})
	lost, accepted := p.metric("hydrant_quarantined_records_total"), p.metric("hydrant_accepted_records_total")
	if delivered := p.metric("hydrant_delivered_records_total") + p.metric("hydrant_error_output_records_total"); accepted != delivered+lost || lost == 0 {
		t.Errorf("%v accepted, %v delivered or failed, %v quarantined", accepted, delivered, lost)
	}
	p.stop()
	out, err := runHydrant(t.Context(), t, nil, append([]string{"bench", "verify", "--ledger", ledger, "--partition", "key", "--json"}, d.verify...)...)
	var verdict struct{ Faults map[string]float64 }
	if at := strings.IndexByte(out, '{'); at < 0 || json.NewDecoder(strings.NewReader(out[at:])).Decode(&verdict) != nil {
		t.Fatalf("verify: %v: %s", err, out)
	}
	if len(verdict.Faults) != 1 || verdict.Faults["lost"] == 0 || verdict.Faults["lost"] > lost {
		t.Errorf("the verdict is %v, and %v records were quarantined", verdict.Faults, lost)
	}
	t.Logf("%v of %v records lost", lost, accepted)
}

// flipBits flips a bit in so many of the bytes that are in use in the files of a buffer's values; not in their first
// quarter, where the definitions are.
func flipBits(t *testing.T, dir string, n int) {
	t.Helper()
	flipped := 0
	must(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".vlog" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		used := len(bytes.TrimRight(content, "\x00"))
		for range n {
			if used > 0 {
				content[used/4+rand.N(used-used/4)] ^= 1 << rand.N(8)
				flipped++
			}
		}
		return os.WriteFile(path, content, 0o600)
	}))
	if flipped == 0 {
		t.Fatalf("%s holds no values", dir)
	}
}
