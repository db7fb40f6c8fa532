//go:build integration

package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// undecidedFunction answers otherwise each time it is asked: a record goes to one of three shards, or fails, by chance. It
// speaks Lambda's Invoke API, and the same at any other path.
type undecidedFunction struct {
	mu   sync.Mutex
	kill map[string]func() // by step of a call: done once, when a call comes to it
}

// at does what is to be done at a step.
func (f *undecidedFunction) at(step string) {
	f.mu.Lock()
	kill := f.kill[step]
	delete(f.kill, step)
	f.mu.Unlock()
	if kill != nil {
		kill()
	}
}

func (f *undecidedFunction) killAt(step string, kill func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kill = map[string]func(){step: kill}
}

func (f *undecidedFunction) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var message struct {
		Records []map[string]any `json:"records"`
	}
	if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
		return // the node was killed
	}
	if called := r.URL.Path; strings.Contains(called, "/invocations") &&
		(called != "/2015-03-31/functions/"+undecidedARN+"/invocations" || !strings.Contains(r.Header.Get("Authorization"), "/us-east-1/lambda/aws4_request")) {
		http.Error(w, "no signed call of the function", http.StatusForbidden)
		return
	}
	f.at("called")
	for _, record := range message.Records {
		record["result"] = "Ok"
		record["metadata"] = map[string]any{"partitionKeys": map[string]string{"shard": fmt.Sprint(rand.N(3))}}
		if rand.N(200) == 0 {
			record["result"] = "ProcessingFailed"
		}
	}
	answer, _ := json.Marshal(message)
	_, _ = w.Write(answer[:len(answer)/2])
	_ = http.NewResponseController(w).Flush()
	f.at("answering")
	_, _ = w.Write(answer[len(answer)/2:])
	_ = http.NewResponseController(w).Flush()
	f.at("answered")
}

const undecidedARN = "arn:aws:lambda:us-east-1:123456789012:function:undecided"

// The whole way of records through a function, with the node killed at each of its steps, several times: between call and
// answer, within the answer, between the answer and the journal, between the journal and the object. Although the function
// decides otherwise each time, each record is delivered once, under one of its decisions.
func TestFunctionKilledAtEachStep(t *testing.T) {
	for name, yaml := range map[string]string{
		"lambda": `lambda: {arn: "` + undecidedARN + `", endpoint: %q}`,
		"http":   `http: {url: %q}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it mostly waits
			killFunction(t, yaml)
		})
	}
}

func killFunction(t *testing.T, yaml string) {
	f := new(undecidedFunction)
	server := httptest.NewServer(f)
	defer server.Close()
	d, dir := directoryDestination(t), t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	config := strings.NewReplacer(
		`key=!{partitionKeyFromQuery:key}/`, `key=!{partitionKeyFromQuery:key}/shard=!{partitionKeyFromLambda:shard}/`,
		"    destination:", fmt.Sprintf(`    error_prefix: "errors/!{firehose:error-output-type}/"
    transform:
      `+yaml+`
      buffering: {size: 200KiB, interval: 0s}
      retries: 300
    destination:`, server.URL),
	).Replace(crashConfig(dir, d.yaml, 0))
	credentials := []string{"AWS_ACCESS_KEY_ID=k", "AWS_SECRET_ACCESS_KEY=s"}

	steps := []string{"called", "answering", "answered", "journaled", "delivered"}
	const rounds = 2
	for life := range rounds * len(steps) {
		p := startIn(t, dir, config, credentials...)
		load := startLoad(p, "crash", ledger, "--connections", "4", "--batch", "20", "--keys", "5", "--timeout", "1s", "--rate", "2000")
		switch step := steps[life%len(steps)]; step {
		case "journaled":
			p.eventually(step, func() bool { return p.metric("hydrant_function_records_total") > 0 })
		case "delivered":
			objects := p.metric("hydrant_delivered_objects_total")
			p.eventually(step, func() bool { return p.metric("hydrant_delivered_objects_total") > objects })
		default:
			came := make(chan struct{})
			f.killAt(step, func() {
				p.kill()
				close(came)
			})
			select {
			case <-came:
			case <-time.After(5 * time.Minute):
				t.Fatalf("no call came to be %s", step)
			}
		}
		p.kill()
		load.stop()
	}
	p := startIn(t, dir, config, credentials...)
	p.delivered()
	failed := p.metric("hydrant_error_output_records_total")
	if accepted, delivered := p.metric("hydrant_accepted_records_total"), p.metric("hydrant_delivered_records_total"); accepted != delivered+failed {
		t.Errorf("%v accepted, %v delivered, %v failed", accepted, delivered, failed)
	}
	p.stop()
	t.Logf("%v failed; %v", failed, d.verifyAll(t, ledger))
	shards := map[string]bool{}
	for key := range files(t, d.objects) {
		if at := strings.Index(key, "/shard="); at >= 0 {
			shards[key[at:at+len("/shard=0")]] = true
		}
	}
	if len(shards) != 3 {
		t.Errorf("the records are in the shards %v: the function decided nothing", shards)
	}
}
