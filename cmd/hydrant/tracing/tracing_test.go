package tracing

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"hydrant/buffer"
	"hydrant/buffer/badgerlog"
	"hydrant/delivery"
	"hydrant/gateway"
	"hydrant/gateway/ingest"
)

// receiver takes spans as a collector does, and keeps them.
type receiver struct {
	mu    sync.Mutex
	spans []*otlp.Span
	about map[string]string // of the sender
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	var sent collector.ExportTraceServiceRequest
	if err != nil || request.URL.Path != "/v1/traces" || proto.Unmarshal(body, &sent) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range sent.ResourceSpans {
		for _, a := range resource.Resource.Attributes {
			r.about[a.Key] = a.Value.GetStringValue()
		}
		for _, scope := range resource.ScopeSpans {
			r.spans = append(r.spans, scope.Spans...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// open starts a tracer that sends to a receiver. The spans are there when done returns.
func open(t *testing.T) (tracer *Tracer, done func() []*otlp.Span, r *receiver) {
	t.Helper()
	r = &receiver{about: map[string]string{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	tracer, err := Open(t.Context(), "edge", "v1", slog.New(slog.DiscardHandler))
	if err != nil || tracer == nil {
		t.Fatal(tracer, err)
	}
	return tracer, func() []*otlp.Span {
		if err := tracer.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		return r.spans
	}, r
}

func valueOf(s *otlp.Span, key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.String()
		}
	}
	return "none"
}

func wantAttributes(t *testing.T, s *otlp.Span, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := valueOf(s, pairs[i]); !strings.Contains(got, pairs[i+1]) {
			t.Errorf("%s: %s is %s, want %s", s.Name, pairs[i], got, pairs[i+1])
		}
	}
}

func TestRequest(t *testing.T) {
	tracer, done, r := open(t)
	started := time.Now().Add(-time.Second)
	tracer.Request(&gateway.Answered{
		Outcome: ingest.Outcome{Stream: "clicks", Receipt: buffer.Receipt{Lane: 1, First: 7, Count: 3}}, Method: []byte("POST"),
		Traceparent: []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), Started: started, Received: 99, Status: 200,
	})
	tracer.Request(&gateway.Answered{
		Outcome: ingest.Outcome{Refused: ingest.BufferFull}, Method: []byte("POST"), Operation: []byte("PutRecord\xff"), Started: started, Status: 503,
	})
	spans := done()
	if len(spans) != 2 {
		t.Fatalf("got %d spans, want 2", len(spans))
	}
	good, bad := spans[0], spans[1]
	if got := string(good.TraceId) + string(good.ParentSpanId); got != "\x0a\xf7\x65\x19\x16\xcd\x43\xdd\x84\x48\xeb\x21\x1c\x80\x31\x9c\xb7\xad\x6b\x71\x69\x20\x33\x31" {
		t.Errorf("it is in trace %x under %x, not in its sender's", good.TraceId, good.ParentSpanId)
	}
	if good.Name != "POST /v1/streams/{stream}/records" || good.StartTimeUnixNano != uint64(started.UnixNano()) || good.Kind != otlp.Span_SPAN_KIND_SERVER {
		t.Errorf("got %v", good)
	}
	wantAttributes(t, good, "http.response.status_code", "200", "hydrant.stream", "clicks", "hydrant.records", "3",
		"hydrant.sequence.first", "7", "hydrant.sequence.last", "9", "hydrant.lane", "1", "http.request.body.size", "99")
	if bad.Name != "POST /" || bad.Status.Code != otlp.Status_STATUS_CODE_ERROR || len(bad.ParentSpanId) > 0 {
		t.Errorf("got %v", bad)
	}
	wantAttributes(t, bad, "error.type", "buffer_full", "rpc.method", "PutRecord\uFFFD", "hydrant.stream", "none")
	if r.about["service.name"] != "hydrant" || r.about["service.version"] != "v1" || r.about["service.instance.id"] != "edge" {
		t.Errorf("the sender is %v", r.about)
	}
}

// A sender that says not to sample is followed too.
func TestNotSampledBySender(t *testing.T) {
	tracer, done, _ := open(t)
	tracer.Request(&gateway.Answered{Traceparent: []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")})
	if spans := done(); len(spans) != 0 {
		t.Errorf("got %v", spans)
	}
}

func TestGroup(t *testing.T) {
	tracer, done, _ := open(t)
	tracer.Group(badgerlog.Group{Records: 5, Bytes: 50, Stored: 40, Sync: time.Second})
	spans := done()
	if len(spans) != 1 || spans[0].EndTimeUnixNano-spans[0].StartTimeUnixNano != 1e9 {
		t.Fatalf("got %v", spans)
	}
	wantAttributes(t, spans[0], "hydrant.records", "5", "hydrant.bytes", "50", "hydrant.stored_bytes", "40")
}

func TestObjectAndItsUploads(t *testing.T) {
	tracer, done, _ := open(t)
	arrival := time.Now().Add(-time.Minute)
	o := delivery.ObjectNews{Stream: "clicks", Manifest: delivery.Manifest{Key: "p/\xff", Reason: "size", From: 4, To: 9, Outputs: 5}, Arrival: arrival}
	backup := o
	backup.Backup = true
	tracer.Sealed(o)
	tracer.Sealed(backup)
	tracer.Uploaded(delivery.UploadNews{Stream: "clicks", Key: o.Key, Attempt: 1, Started: time.Now(), Err: &delivery.Error{Class: delivery.Throttled, Err: errors.New("slow down")}})
	tracer.Uploaded(delivery.UploadNews{Stream: "clicks", Key: o.Key, Attempt: 2, Started: time.Now()})
	tracer.Uploaded(delivery.UploadNews{Stream: "clicks", Key: "of an earlier life", Attempt: 1, Started: time.Now()})
	tracer.Delivered(o)
	spans := done()
	if len(spans) != 4 {
		t.Fatalf("got %d spans, want 4", len(spans))
	}
	failed, good, object, waiting := spans[0], spans[1], spans[2], spans[3]
	for _, upload := range spans[:2] {
		if upload.Name != "upload" || string(upload.ParentSpanId) != string(object.SpanId) || string(upload.TraceId) != string(object.TraceId) {
			t.Errorf("got %v, want it under its object", upload)
		}
	}
	if failed.Status.Code != otlp.Status_STATUS_CODE_ERROR || good.Status.Code == otlp.Status_STATUS_CODE_ERROR {
		t.Errorf("got %v and %v", failed.Status, good.Status)
	}
	wantAttributes(t, failed, "error.type", "throttled", "hydrant.attempt", "1")
	if object.Name != "object" || object.StartTimeUnixNano != uint64(arrival.UnixNano()) {
		t.Errorf("got %v", object)
	}
	wantAttributes(t, object, "hydrant.object.key", "p/\uFFFD", "hydrant.sequence.after", "4", "hydrant.sequence.last", "9", "hydrant.object.reason", "size")
	wantAttributes(t, waiting, "hydrant.backup", "true")
}

// What lanes that ended left behind is not kept for ever.
func TestFollowedObjectsAreBounded(t *testing.T) {
	tracer, done, _ := open(t)
	tracer.chosen = true
	for i := range maxSending + 2 {
		tracer.Sealed(delivery.ObjectNews{Stream: "clicks", Manifest: delivery.Manifest{Key: string(rune('a' + i))}})
	}
	if n := len(tracer.sending); n > 2 {
		t.Errorf("%d objects are followed", n)
	}
	done()
}

func TestOff(t *testing.T) {
	for name, variables := range map[string][]string{
		"no endpoint": nil,
		"disabled":    {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", "OTEL_SDK_DISABLED", "true"},
		"no exporter": {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER", "none"},
	} {
		t.Run(name, func(t *testing.T) {
			for i := 0; i < len(variables); i += 2 {
				t.Setenv(variables[i], variables[i+1])
			}
			if tracer, err := Open(t.Context(), "", "", nil); tracer != nil || err != nil {
				t.Error(tracer, err)
			}
		})
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	if _, err := Open(t.Context(), "", "", nil); err == nil || !strings.Contains(err.Error(), "http/protobuf only") {
		t.Errorf("grpc: %v", err)
	}
}

// Neither a node without traces nor a busy one with them allocates for what is not sampled.
func TestWhatIsNotSampledCostsNothing(t *testing.T) {
	busy, done, _ := open(t)
	busy.requests.take(time.Now())
	for name, tracer := range map[string]*Tracer{"off": nil, "busy": busy} {
		r, o := &gateway.Answered{Status: 200}, delivery.ObjectNews{}
		allocs := testing.AllocsPerRun(20000, func() { // far more than are sampled meanwhile
			tracer.Request(r)
			tracer.Group(badgerlog.Group{})
			tracer.Sealed(o)
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
	done()
}
