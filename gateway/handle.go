package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"time"

	"github.com/valyala/fasthttp"

	"hydrant/gateway/auth"
	"hydrant/gateway/firehose"
	"hydrant/gateway/ingest"
)

// A protocol turns a request into records and an answer.
type protocol interface {
	// Takes are the credentials that the protocol's clients can show.
	Takes() auth.Scheme
	// Serve stores the request's records and writes the answer, or writes nothing and returns why it did not.
	Serve(ctx context.Context, rc *fasthttp.RequestCtx, req *ingest.Request) error
	// Refuse writes the answer to a request that was not served.
	Refuse(rc *fasthttp.RequestCtx, e *ingest.Error)
}

// keepUnread is how much of a refused request's body is read and dropped to keep its connection, in bytes. Past it a
// new connection is cheaper. fasthttp itself drops up to 256 KiB.
const keepUnread = 64 << 10

func (s *Server) handle(rc *fasthttp.RequestCtx) {
	p := s.route(rc)
	req := s.ingest.Begin(rc.RequestBodyStream(), declaredSize(&rc.Request.Header))
	defer s.finish(rc, p, req)
	expectBody(rc, true)
	if err := s.serve(rc, p, req); err != nil {
		s.refuseRequest(rc, p, req, err)
	}
}

func (s *Server) serve(rc *fasthttp.RequestCtx, p protocol, req *ingest.Request) error {
	if s.draining.Load() {
		return ingest.ShutDown()
	}
	if err := checkFraming(&rc.Request.Header); err != nil {
		return err
	}
	if err := req.Admit(headOf(rc), p.Takes()); err != nil {
		return err
	}
	return p.Serve(s.appends, rc, req)
}

// route chooses by the path as it was sent. AWS's clients may be given any path; X-Amz-Target tells them. Everything
// else is the native API's, which answers for what nobody serves.
func (s *Server) route(rc *fasthttp.RequestCtx) protocol {
	path := rc.URI().PathOriginal()
	if !bytes.HasPrefix(path, []byte("/v1/")) && len(rc.Request.Header.Peek(firehose.TargetHeader)) > 0 {
		return s.firehose
	}
	return s.native
}

// finish gives back what the request held, whatever happened, and decides what becomes of the connection.
func (s *Server) finish(rc *fasthttp.RequestCtx, p protocol, req *ingest.Request) {
	expectBody(rc, false)
	if v := recover(); v != nil {
		rc.Response.Reset()
		s.refuseRequest(rc, p, req, fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
		closeGently(rc)
		if s.answered != nil {
			s.tell(rc, p, req)
		}
		req.Abandon()
		return
	}
	unread := req.Unread()
	if unread == ingest.Unknown || unread > keepUnread || s.draining.Load() {
		closeGently(rc)
	} else if unread > 0 && rc.Request.Header.ConnectionClose() {
		closeGently(rc)
	}
	if s.answered != nil {
		s.tell(rc, p, req)
	}
	req.End()
}

func (s *Server) refuseRequest(rc *fasthttp.RequestCtx, p protocol, req *ingest.Request, err error) {
	e := ingest.AsError(err)
	req.Outcome.Refused = e.Code
	s.refuse(rc, p, e)
}

// refuse is the one place where a refusal is counted, and a failure of ours is logged.
func (s *Server) refuse(rc *fasthttp.RequestCtx, p protocol, e *ingest.Error) {
	s.ingest.CountRefusal(e.Code)
	if e.Code == ingest.Internal {
		s.logger.Error("request failed", "path", string(rc.URI().PathOriginal()), "error", e.Cause)
	}
	p.Refuse(rc, e)
}

// refuseUnparsed answers what fasthttp could not read as a request; it closes the connection afterwards.
func (s *Server) refuseUnparsed(rc *fasthttp.RequestCtx, err error) {
	e := &ingest.Error{Code: ingest.BadRequest, Detail: "this is not a valid HTTP/1.1 request", Cause: err}
	var tooLarge *fasthttp.ErrSmallBuffer
	var network net.Error
	switch {
	case errors.As(err, &tooLarge):
		e = &ingest.Error{
			Code: ingest.HeadersTooLarge, Limit: headerLimit, Cause: err,
			Detail: fmt.Sprintf("the request's headers are larger than %d bytes", headerLimit),
		}
	case errors.As(err, &network) && network.Timeout():
		e = &ingest.Error{Code: ingest.RequestTimeout, Detail: "the request did not arrive in time", Cause: err}
	}
	s.refuse(rc, s.native, e)
	closeGently(rc)
	// With TLS the one to write began with the handshake. Over by now, it would break the connection in the middle of a
	// record, which a client takes for an attack. It fails only on a connection that is gone.
	_ = rc.Conn().SetWriteDeadline(time.Now().Add(s.config.WriteTimeout))
}

// declaredSize is the body's length in bytes, or ingest.Unknown for a chunked body.
func declaredSize(h *fasthttp.RequestHeader) int64 {
	switch size := h.ContentLength(); {
	case size == -1:
		return ingest.Unknown
	case size < 0: // neither Content-Length nor chunked: no body
		return 0
	default:
		return int64(size)
	}
}
