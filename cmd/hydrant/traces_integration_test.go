//go:build integration

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A node that is told of a collector sends it a request in its sender's trace, the group, the object and the upload, which
// failed before it succeeded.
func TestTracesOfANode(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	spans := map[string][]*otlp.Span{}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var sent collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(body, &sent) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, resource := range sent.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, s := range scope.Spans {
					spans[s.Name] = append(spans[s.Name], s)
				}
			}
		}
	}))
	defer receiver.Close()
	d := s3Destination(t)
	d.server.Stop(t)
	dir := t.TempDir()
	p := startIn(t, dir, crashConfig(dir, d.yaml, 0), append(d.environment, "OTEL_EXPORTER_OTLP_ENDPOINT="+receiver.URL,
		"OTEL_EXPORTER_OTLP_TIMEOUT=300000", "OTEL_BSP_EXPORT_TIMEOUT=300000")...) // ms: what is sent again is there twice
	const name = "POST /v1/streams/{stream}/records"
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/v1/streams/crash/records", strings.NewReader(`{"key":"k"}`))
	must(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	must(t, answer.Body.Close())
	p.eventually("an upload fails", func() bool { return p.metric("hydrant_upload_failures_total") > 0 })
	d.server.Start(t)
	p.delivered()
	p.stop()
	mu.Lock()
	defer mu.Unlock()
	if got := spans[name]; len(got) != 1 || string(got[0].TraceId) != "\x0a\xf7\x65\x19\x16\xcd\x43\xdd\x84\x48\xeb\x21\x1c\x80\x31\x9c" {
		t.Errorf("of the request: %v", got)
	}
	uploads, objects := spans["upload"], spans["object"]
	if len(spans["group"]) == 0 || len(objects) != 1 || len(uploads) < 2 {
		t.Fatalf("%d groups, %d objects, %d uploads", len(spans["group"]), len(objects), len(uploads))
	}
	failed, last := 0, uploads[len(uploads)-1]
	for _, u := range uploads {
		if string(u.ParentSpanId) != string(objects[0].SpanId) {
			t.Errorf("%v is not under its object", u)
		}
		if u.Status.GetCode() == otlp.Status_STATUS_CODE_ERROR {
			failed++
		}
	}
	if failed != len(uploads)-1 || last.Status.GetCode() == otlp.Status_STATUS_CODE_ERROR {
		t.Errorf("%d of %d uploads failed", failed, len(uploads))
	}
}
