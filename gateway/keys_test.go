package gateway

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/buffer"
	"hydrant/buffer/memlog"
	"hydrant/gateway/ingest"
)

// startWithMemory runs a server on a log that keeps its contract, with the streams clicks and views.
func startWithMemory(t *testing.T) *fixture {
	t.Helper()
	log := new(memlog.Log).Open()
	var streams []ingest.Stream
	for i, name := range []string{"clicks", "views"} {
		id := buffer.StreamID{byte(i + 1)}
		if _, err := log.Define(context.Background(), buffer.Definition{Stream: id, Name: name, Logic: 1}); err != nil {
			t.Fatal(err)
		}
		streams = append(streams, ingest.Stream{ID: id, Name: name, Accepting: true})
	}
	f := &fixture{t: t, registry: prometheus.NewRegistry()}
	return f.serve(Config{Listen: "127.0.0.1:0", Ingest: ingest.Config{Poison: true}}, streams, Deps{Log: log})
}

func (c *client) want(status int, body, request string) {
	c.t.Helper()
	if got := c.do(request); got.StatusCode != status || !strings.Contains(got.body, body) {
		c.t.Errorf("got %d %s, want %d and %s", got.StatusCode, got.body, status, body)
	}
}

func TestNativeRetry(t *testing.T) {
	f := startWithMemory(t)
	c := f.dial()
	const key, viewsURL = "Idempotency-Key: k-1", "/v1/streams/views/records"
	c.want(200, `"sequence":"0/1-2","duplicate":false`, post(clicksURL, ndjson, "a\nb", key))
	c.want(200, `"sequence":"0/3-3","duplicate":false`, post(clicksURL, ndjson, "c"))
	for range 2 {
		c.want(200, `{"records":2,"sequence":"0/1-2","duplicate":true}`, post(clicksURL, ndjson, "a\nb", key))
	}
	c.want(422, `"code":"idempotency_key_reused"`, post(clicksURL, ndjson, "a\nc", key))
	c.want(422, `"code":"idempotency_key_reused"`, post(clicksURL, ndjson, "a", key))
	c.want(200, `"sequence":"0/1-2","duplicate":false`, post(viewsURL, ndjson, "a\nb", key))
	c.want(200, `"sequence":"0/4-4","duplicate":false`, post(clicksURL, ndjson, "a", "Idempotency-Key: k-2"))
	if got := f.metric("hydrant_duplicate_requests_total", "clicks"); got != 2 {
		t.Errorf("duplicate requests: got %v, want 2", got)
	}
	c.want(200, `"duplicate":true`, post(clicksURL, ndjson, "a\nb", key, "Hydrant-Replay: true"))
	if got := f.metric("hydrant_replayed_records_total"); got != 0 {
		t.Errorf("replayed records: got %v, want 0: they were stored before", got)
	}
	for value, want := range map[string]float64{"true": 1, "false": 0} {
		before := f.metric("hydrant_replayed_records_total", "views")
		c.want(200, `"duplicate":false`, post(viewsURL, ndjson, "d", "Hydrant-Replay: "+value))
		if got := f.metric("hydrant_replayed_records_total", "views") - before; got != want {
			t.Errorf("replayed records with Hydrant-Replay: %s: got %v, want %v", value, got, want)
		}
	}
	if got := f.metric("hydrant_incoming_records_total"); got != 8 {
		t.Errorf("incoming records: got %v, want 8", got)
	}
}

func TestNativeKeys(t *testing.T) {
	f := startWithMemory(t)
	c := f.dial()
	long := strings.Repeat("x", 255)
	for _, good := range []string{"!", "~", long, `"8e03978e-40d5-43dd-bc93-6894a57f9324"`} {
		for _, duplicate := range []string{"false", "true"} {
			c.want(200, `"duplicate":`+duplicate, post(clicksURL, ndjson, "a", "Idempotency-Key: "+good))
		}
	}
	for _, bad := range []string{"", "a b", long + "x", "caf\xe9", "a\tb", "a\r\nIdempotency-Key: b"} {
		c.want(400, `"code":"invalid_idempotency_key"`, post(clicksURL, ndjson, "a", "Idempotency-Key: "+bad))
	}
	if got := f.metric("hydrant_incoming_records_total"); got != 4 {
		t.Errorf("incoming records: got %v, want 4", got)
	}
}

func TestFirehoseRetry(t *testing.T) {
	f := startWithMemory(t)
	c := f.dial()
	// withID is a call as an attempt of one invocation.
	withID := func(request, id string) string {
		return strings.Replace(request, "Host: ", "amz-sdk-invocation-id: "+id+"\r\nHost: ", 1)
	}
	single := call("PutRecord", `{"DeliveryStreamName":"clicks","Record":{"Data":"YQ=="}}`)
	batch := putBatch("clicks", "a")
	var answers []string
	for _, request := range []string{single, batch, putBatch("views", "a")} {
		first := c.do(withID(request, "i-1"))
		for range 2 {
			if again := c.do(withID(request, "i-1")); first.StatusCode != 200 || again.body != first.body {
				t.Errorf("the retry was answered with %d %s, the first with %d %s", again.StatusCode, again.body, first.StatusCode, first.body)
			}
		}
		answers = append(answers, first.body)
	}
	if slices.Sort(answers); len(slices.Compact(answers)) != 3 {
		t.Errorf("calls of two operations or streams met under one id: %q", answers)
	}
	c.want(400, `InvalidArgumentException`, withID(putBatch("clicks", "b"), "i-1"))
	c.want(200, `"FailedPutCount":0`, withID(putBatch("clicks", "b"), "i-2"))
	c.want(200, `"FailedPutCount":0`, batch)
	c.want(200, `"FailedPutCount":0`, batch)
	if got := f.metric("hydrant_duplicate_requests_total"); got != 6 {
		t.Errorf("duplicate requests: got %v, want 6", got)
	}
	if got := f.metric("hydrant_incoming_records_total"); got != 6 {
		t.Errorf("incoming records: got %v, want 6", got)
	}
}
