// Package native is Hydrant's own HTTP API: POST /v1/streams/{stream}/records, with the records as JSON, NDJSON, protobuf
// or one as it is, POST /v1/streams/{stream}/flush, and errors as RFC 9457 problems.
package native

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/valyala/fasthttp"

	"hydrant/buffer"
	"hydrant/gateway/auth"
	"hydrant/gateway/ingest"
)

// Handler serves the native API. Its methods may be called from many goroutines at once.
type Handler struct {
	ingest *ingest.Ingest
	flush  Flush // nil serves no flushes
}

// New returns a handler that appends through in.
func New(in *ingest.Ingest, flush Flush) *Handler { return &Handler{ingest: in, flush: flush} }

// Takes are the credentials that the API takes: an API key, or a client certificate.
func (h *Handler) Takes() auth.Scheme { return auth.APIKey | auth.Certificate }

// Serve serves one request of the API, or returns why it did not.
func (h *Handler) Serve(ctx context.Context, rc *fasthttp.RequestCtx, req *ingest.Request) error {
	path := rc.URI().PathOriginal()
	if name, ok := streamOf(path, "/records"); ok {
		return h.serveRecords(ctx, rc, req, name)
	}
	if name, ok := streamOf(path, "/flush"); ok && h.flush != nil {
		return h.serveFlush(ctx, rc, req, name)
	}
	if page, ok := pages[string(path)]; ok {
		return page.serve(rc)
	}
	return notFound(path)
}

// serveRecords stores the request's records and writes the receipt, or returns why it did not. Everything that the headers
// tell is checked before the body is read.
func (h *Handler) serveRecords(ctx context.Context, rc *fasthttp.RequestCtx, req *ingest.Request, name []byte) error {
	if err := onlyPost(rc, "records are sent with POST"); err != nil {
		return err
	}
	stream, err := h.streamFor(ctx, req, auth.Records, name)
	if err != nil {
		return err
	}
	if err := h.ingest.Spare(stream); err != nil {
		return err
	}
	split, err := readHeaders(&rc.Request.Header, req)
	if err != nil {
		return err
	}
	if err := h.receive(req, split); err != nil {
		return err
	}
	receipt, err := h.ingest.Append(ctx, stream, req)
	if err != nil {
		return err
	}
	req.Answer = appendAnswer(req.Answer, receipt)
	answer(rc, req.Answer)
	return nil
}

// onlyPost refuses any other method; use says what POST is for.
func onlyPost(rc *fasthttp.RequestCtx, use string) error {
	if rc.IsPost() {
		return nil
	}
	return notAllowed(rc, fasthttp.MethodPost, use)
}

func notAllowed(rc *fasthttp.RequestCtx, allowed, use string) error {
	rc.Response.Header.Set(fasthttp.HeaderAllow, allowed)
	return &ingest.Error{Code: ingest.MethodNotAllowed, Detail: use}
}

// streamFor finds the stream for a sender who may do the action with it.
func (h *Handler) streamFor(ctx context.Context, req *ingest.Request, action string, name []byte) (*ingest.Stream, error) {
	if err := req.Authorize(action, name); err != nil {
		return nil, err
	}
	return h.ingest.Stream(ctx, name)
}

// readHeaders has the request know what its headers say, and returns what cuts its body into records.
func readHeaders(headers *fasthttp.RequestHeader, req *ingest.Request) (splitter, error) {
	split, err := splitterFor(headers.ContentType())
	if err != nil {
		return nil, err
	}
	if req.Encoding, err = ingest.ParseEncoding(ingest.Joined(headers.PeekAll(fasthttp.HeaderContentEncoding))); err != nil {
		return nil, err
	}
	if req.Key, err = keyOf(headers); err != nil {
		return nil, err
	}
	req.Replayed = string(headers.Peek(replayHeader)) == "true"
	return split, nil
}

// receive reads the body and cuts it into records. The request knows of every view, also where it is refused.
func (h *Handler) receive(req *ingest.Request, split splitter) error {
	body, err := req.Receive()
	if err != nil {
		return err
	}
	limit := h.ingest.Limits().Records
	records, n, err := split(req.Records, body, limit)
	req.Records = records
	if err != nil {
		return err
	}
	if n > limit {
		return ingest.TooMany(limit, n)
	}
	return nil
}

// answer writes a success; body is copied.
func answer(rc *fasthttp.RequestCtx, body []byte) {
	rc.Response.Header.SetContentType("application/json")
	rc.Response.SetBody(body)
}

// A splitter appends the body's records to records as views, at most limit of them, and returns how many there are.
type splitter func(records [][]byte, body []byte, limit int64) ([][]byte, int64, error)

// splitterFor chooses by media type; parameters such as charset change nothing.
func splitterFor(contentType []byte) (splitter, error) {
	mediaType, _, _ := bytes.Cut(contentType, []byte{';'})
	mediaType = bytes.TrimSpace(mediaType)
	switch {
	case bytes.EqualFold(mediaType, []byte("application/x-ndjson")):
		return splitLines, nil
	case bytes.EqualFold(mediaType, []byte("application/json")):
		return splitJSON, nil
	case bytes.EqualFold(mediaType, []byte("application/x-protobuf")), bytes.EqualFold(mediaType, []byte("application/protobuf")):
		return splitProtobuf, nil
	case bytes.EqualFold(mediaType, []byte("application/octet-stream")):
		return wholeBody, nil
	}
	return nil, &ingest.Error{
		Code: ingest.UnsupportedMediaType,
		Detail: fmt.Sprintf("Content-Type %.80q is not supported; send application/json, application/x-ndjson, "+
			"application/x-protobuf or application/octet-stream", mediaType),
	}
}

// streamOf takes the stream's name out of the path as it was sent: names need no escaping, and a path that was cleaned
// first could name another stream than the one a proxy in front has let through.
func streamOf(path []byte, end string) (name []byte, ok bool) {
	rest, ok := bytes.CutPrefix(path, []byte("/v1/streams/"))
	if !ok {
		return nil, false
	}
	name, ok = bytes.CutSuffix(rest, []byte(end))
	return name, ok && len(name) > 0 && bytes.IndexByte(name, '/') < 0
}

func notFound(path []byte) error {
	return &ingest.Error{
		Code: ingest.NotFound,
		Detail: fmt.Sprintf("%.80q is not served here; records go to POST /v1/streams/{stream}/records, "+
			"or, as AWS clients do it, to POST / with X-Amz-Target", path),
	}
}

func appendAnswer(dst []byte, r buffer.Receipt) []byte {
	dst = append(dst, `{"records":`...)
	dst = strconv.AppendInt(dst, int64(r.Count), 10)
	dst = append(dst, `,"sequence":"`...)
	dst = strconv.AppendUint(dst, uint64(r.Lane), 10)
	dst = append(dst, '/')
	dst = strconv.AppendUint(dst, uint64(r.First), 10)
	dst = append(dst, '-')
	dst = strconv.AppendUint(dst, uint64(r.First)+uint64(r.Count)-1, 10)
	dst = append(dst, `","duplicate":`...)
	dst = strconv.AppendBool(dst, r.Duplicate)
	return append(dst, '}')
}
