package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"hydrant/bench"
	"hydrant/bench/child"
	"hydrant/bench/sink"
)

// serveFloor runs the command as a process would, and returns its address.
func serveFloor(t *testing.T, batch int) string {
	t.Helper()
	address, err := child.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- (&FloorCommand{Listen: address, Batch: batch}).Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	url := "http://" + address
	eventually(t, "the floor listens", func() bool { return child.Answers(t.Context(), url+floorCountPath) })
	return url
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
		time.Sleep(time.Millisecond) // between two looks at the condition
	}
}

// The generator takes the floor for a gateway, and the floor counts what it was sent.
func TestFloorAnswersAsANode(t *testing.T) {
	for _, test := range []struct {
		api   string
		batch int
	}{{bench.Native, 1}, {bench.Native, 50}, {bench.Firehose, 1}, {bench.Firehose, 50}} {
		t.Run(fmt.Sprint(test.api, test.batch), func(t *testing.T) {
			url := serveFloor(t, test.batch)
			o := bench.DefaultOptions()
			o.URL, o.API, o.Batch, o.Connections, o.Records = []string{url}, test.api, test.batch, 4, 1000
			report, err := bench.Run(t.Context(), o, nil)
			if err != nil || report.Acked != 1000 || len(report.Failures) > 0 {
				t.Fatalf("got %+v %v", report, err)
			}
			count, err := child.Get(t.Context(), url+floorCountPath)
			if err != nil || string(count) != "1000" {
				t.Errorf("the floor counted %s, %v", count, err)
			}
		})
	}
}

// Its answers have the members of a node's.
func TestFloorsAnswers(t *testing.T) {
	f := newFloor(3)
	var native struct {
		Records   int
		Sequence  string
		Duplicate *bool
	}
	if err := json.Unmarshal(f.native, &native); err != nil || native.Records != 3 || native.Sequence == "" || native.Duplicate == nil {
		t.Errorf("%s: %v", f.native, err)
	}
	var batch struct {
		FailedPutCount   *int
		RequestResponses []struct{ RecordID string }
	}
	if err := json.Unmarshal(f.firehose, &batch); err != nil || batch.FailedPutCount == nil || len(batch.RequestResponses) != 3 {
		t.Errorf("%s: %v", f.firehose, err)
	}
	if id := batch.RequestResponses[2].RecordID; len(id) != 38 {
		t.Errorf("a record id of %d characters; a node's have 38", len(id))
	}
}

func TestServersRefuseABusyAddress(t *testing.T) {
	url := serveFloor(t, 1)
	address := strings.TrimPrefix(url, "http://")
	if err := (&FloorCommand{Listen: address}).Run(t.Context()); err == nil {
		t.Error("two floors on one address")
	}
	if err := (&sink.Command{Listen: address}).Run(t.Context()); err == nil {
		t.Error("a sink on a floor's address")
	}
	if _, err := http.Get(url + floorCountPath); err != nil {
		t.Error(err)
	}
}
