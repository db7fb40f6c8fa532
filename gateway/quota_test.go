package gateway

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/gateway/ingest"
)

// startWithQuota serves clicks, which has a quota.
func startWithQuota(t *testing.T, q ingest.Quota) *fixture {
	t.Helper()
	f := &fixture{t: t, log: &fakeLog{}, registry: prometheus.NewRegistry()}
	streams := []ingest.Stream{{ID: clicks, Name: "clicks", Accepting: true, Quota: q}}
	return f.serve(Config{Listen: "127.0.0.1:0"}, streams, Deps{Log: f.log})
}

// hourly is a quota that one request of a record uses up for the rest of the test, since it is in debt for so long.
func hourly(record string) ingest.Quota { return ingest.Quota{Bytes: int64(len(record)) / 3600} }

func TestQuota(t *testing.T) {
	record := strings.Repeat("x", 7200)
	f := startWithQuota(t, hourly(record))
	c := f.dial()
	c.want(200, `"records":1`, post("/v1/streams/clicks/records", "application/octet-stream", record))
	answer := c.do(post("/v1/streams/clicks/records", "application/octet-stream", "x"))
	if answer.StatusCode != 429 || !strings.Contains(answer.body, `"code":"quota_exceeded"`) || !strings.Contains(answer.body, "quota of 2 bytes a second") {
		t.Errorf("got %d %s", answer.StatusCode, answer.body)
	}
	if seconds := answer.Header.Get("Retry-After"); len(seconds) != 4 { // about 3,600
		t.Errorf("Retry-After: %q", seconds)
	}
	c = f.dial()
	single := c.do(call("PutRecord", `{"DeliveryStreamName":"clicks","Record":{"Data":"YQ=="}}`))
	if single.StatusCode != 503 || !strings.Contains(single.body, `{"__type":"ServiceUnavailableException","message":"Slow down."}`) {
		t.Errorf("got %d %s", single.StatusCode, single.body)
	}
	c.want(503, `Slow down.`, putBatch("clicks", "a", "b"))
	if got := f.metric("hydrant_throttled_records_total", "clicks"); got != 3 {
		t.Errorf("throttled records: got %v, want 3", got)
	}
	if got := len(f.log.stored()); got != 1 {
		t.Errorf("%d records are stored, want 1", got)
	}
}

// With partial a batch is answered record by record, and what it says is stored is stored.
func TestPartialQuota(t *testing.T) {
	f := startWithQuota(t, ingest.Quota{Records: 2, Bytes: 1, Partial: true})
	c := f.dial()
	answer := c.do(putBatch("clicks", strings.Repeat("x", 7200), "b", "c"))
	const slow = `{"ErrorCode":"ServiceUnavailableException","ErrorMessage":"Slow down."}`
	if answer.StatusCode != 200 || !strings.HasPrefix(answer.body, `{"FailedPutCount":2,`) || !strings.HasSuffix(answer.body, slow+","+slow+"]}") {
		t.Errorf("got %d %s", answer.StatusCode, answer.body)
	}
	c.want(503, `Slow down.`, putBatch("clicks", "a"))
	if got := f.log.stored(); len(got) != 1 {
		t.Errorf("%d records are stored, want 1", len(got))
	}
	if got := f.metric("hydrant_throttled_records_total", "clicks"); got != 3 {
		t.Errorf("throttled records: got %v, want 3", got)
	}
	if got := f.metric("hydrant_incoming_records_total", "clicks"); got != 1 {
		t.Errorf("incoming records: got %v, want 1", got)
	}
}
