package gateway

import (
	"bytes"
	"time"

	"github.com/valyala/fasthttp"

	"hydrant/gateway/firehose"
	"hydrant/gateway/ingest"
)

// Answered is a request whose answer is about to be written, for whom it concerns. Its slices are valid during the call.
type Answered struct {
	ingest.Outcome

	Method                  []byte
	Operation               []byte // of the Firehose API; nil for other requests
	Traceparent, Tracestate []byte // of W3C's trace context, as the client sent them
	Started                 time.Time
	Received                int64 // bytes of the body
	Status                  int
}

// tell passes on what became of a request.
func (s *Server) tell(rc *fasthttp.RequestCtx, p protocol, req *ingest.Request) {
	h := &rc.Request.Header
	a := Answered{
		Outcome:     req.Outcome,
		Method:      h.Method(),
		Traceparent: h.Peek("Traceparent"),
		Tracestate:  h.Peek("Tracestate"),
		Started:     req.Started(),
		Received:    req.Received(),
		Status:      rc.Response.StatusCode(),
	}
	if p == s.firehose {
		target := h.Peek(firehose.TargetHeader)
		a.Operation = target[bytes.LastIndexByte(target, '.')+1:]
	}
	s.answered(&a)
}
