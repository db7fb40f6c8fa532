// Package firehose is the Amazon Data Firehose API, awsJson1_1, with AWS's own envelope, limits and wording, because SDKs,
// agents and Terraform act upon them. The data plane, PutRecord and PutRecordBatch, is here; the operations on streams are
// package control's.
package firehose

import (
	"bytes"
	"context"
	"fmt"

	"github.com/valyala/fasthttp"

	"hydrant/gateway/auth"
	"hydrant/gateway/ingest"
)

// TargetHeader tells a call of the AWS API from anything else, whatever its path.
const TargetHeader = "X-Amz-Target"

// invocationHeader is what AWS's SDKs send, the same with every attempt of a call and another one with each call. It is
// taken as it comes: it only has to be compared.
const invocationHeader = "Amz-Sdk-Invocation-Id"

const targetPrefix = "Firehose_20150804."

// Handler serves the AWS API. Its methods may be called from many goroutines at once.
type Handler struct {
	ingest  *ingest.Ingest
	control Control // nil where the operations on streams are not served
}

// New returns a handler that appends through in, and has control serve the operations on streams, where it is not nil.
func New(in *ingest.Ingest, control Control) *Handler { return &Handler{ingest: in, control: control} }

// Takes are the credentials that the API takes: a signature.
func (h *Handler) Takes() auth.Scheme { return auth.SigV4 }

// Serve serves one call of the API, or returns why it did not.
func (h *Handler) Serve(ctx context.Context, rc *fasthttp.RequestCtx, req *ingest.Request) error {
	if !rc.IsPost() {
		rc.Response.Header.Set(fasthttp.HeaderAllow, fasthttp.MethodPost)
		return &ingest.Error{Code: ingest.MethodNotAllowed, Detail: "operations are called with POST"}
	}
	target := rc.Request.Header.Peek(TargetHeader)
	op, err := operationOf(target)
	if err == nil {
		return h.servePut(ctx, rc, req, op)
	}
	if name, ok := controlOperation(target); ok && h.control != nil {
		return h.serveControl(ctx, rc, req, name)
	}
	return err
}

// servePut stores the call's records and writes the answer, or returns why it did not. A call is stored whole or not at
// all, and FailedPutCount is 0, unless the stream's quota asks for batches to be cut: clients handle a refused call well,
// and a partly failed one badly.
//
// The checks come in AWS's order: operation, JSON, constraints, rights, stream, size. But who has no right to the operation
// on any stream is refused by the head alone.
func (h *Handler) servePut(ctx context.Context, rc *fasthttp.RequestCtx, req *ingest.Request, op operation) error {
	if err := checkEncoding(rc); err != nil {
		return err
	}
	if err := req.AuthorizeSome(op.String()); err != nil {
		return err
	}
	call, err := h.receive(req, op)
	if err != nil {
		return err
	}
	if err := req.Authorize(op.String(), call.stream); err != nil {
		return err
	}
	stream, err := h.ingest.Stream(ctx, call.stream)
	if err != nil {
		return h.asResourceNotFound(err, call.stream)
	}
	if err := call.checkSize(op); err != nil {
		return err
	}
	req.MayCut = op == putRecordBatch
	req.Key = ingest.Key{Operation: op.String(), Value: rc.Request.Header.Peek(invocationHeader)}
	receipt, err := h.ingest.Append(ctx, stream, req)
	if err != nil {
		return h.asResourceNotFound(err, call.stream)
	}
	req.Answer = appendAnswer(req.Answer, op, stream, receipt, len(req.Records))
	writeHeaders(rc)
	rc.SetBody(req.Answer)
	return nil
}

// receive reads the body, and takes the call that it holds for valid or says why it is not.
func (h *Handler) receive(req *ingest.Request, op operation) (call, error) {
	body, err := req.Receive()
	if err != nil {
		return call{}, err
	}
	c, err := decode(op, req, body)
	if err != nil {
		return call{}, err
	}
	return c, c.validate(op, h.ingest.Limits())
}

// checkEncoding takes bodies as they are, as AWS does.
func checkEncoding(rc *fasthttp.RequestCtx) error {
	encoding := ingest.Joined(rc.Request.Header.PeekAll(fasthttp.HeaderContentEncoding))
	if len(encoding) == 0 || string(encoding) == "identity" {
		return nil
	}
	return &ingest.Error{
		Code:   ingest.UnsupportedEncoding,
		Detail: fmt.Sprintf("Content-Encoding %.40q is not supported; send the body as it is (identity)", encoding),
	}
}

type operation int

const (
	putRecord operation = iota
	putRecordBatch
)

func (op operation) String() string {
	if op == putRecord {
		return "PutRecord"
	}
	return "PutRecordBatch"
}

func operationOf(target []byte) (operation, error) {
	name, ok := bytes.CutPrefix(target, []byte(targetPrefix))
	if ok {
		switch string(name) {
		case "PutRecord":
			return putRecord, nil
		case "PutRecordBatch":
			return putRecordBatch, nil
		}
		if known, ok := controlOperation(target); ok {
			return 0, unknownOperation("The operation " + known + " is not served here; PutRecord and PutRecordBatch are.")
		}
	}
	return 0, unknownOperation("X-Amz-Target names no operation of " + targetPrefix[:len(targetPrefix)-1] + ".")
}

func unknownOperation(detail string) error {
	return &ingest.Error{Code: ingest.UnknownOperation, Detail: detail}
}

// asResourceNotFound puts a missing stream in AWS's words; tools search the message for them.
func (h *Handler) asResourceNotFound(err error, name []byte) error {
	if e := ingest.AsError(err); e.Code == ingest.StreamNotFound {
		return &ingest.Error{Code: e.Code, Detail: "Firehose " + string(name) + " not found under account " + h.account() + "."}
	}
	return err
}
