// Package firehose is the data plane of the Amazon Data Firehose API, awsJson1_1: PutRecord and PutRecordBatch, with
// AWS's own envelope, limits and wording, because SDKs, agents and Terraform act upon them.
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
	ingest *ingest.Ingest
}

// New returns a handler that appends through in.
func New(in *ingest.Ingest) *Handler { return &Handler{ingest: in} }

// Takes are the credentials that the API takes: a signature.
func (h *Handler) Takes() auth.Scheme { return auth.SigV4 }

// Serve stores the call's records and writes the answer, or returns why it did not. A call is stored whole or not at
// all, and FailedPutCount is 0, unless the stream's quota asks for batches to be cut: clients handle a refused call well,
// and a partly failed one badly.
//
// The checks come in AWS's order: operation, JSON, constraints, rights, stream, size.
func (h *Handler) Serve(ctx context.Context, rc *fasthttp.RequestCtx, req *ingest.Request) error {
	if !rc.IsPost() {
		rc.Response.Header.Set(fasthttp.HeaderAllow, fasthttp.MethodPost)
		return &ingest.Error{Code: ingest.MethodNotAllowed, Detail: "operations are called with POST"}
	}
	op, err := operationOf(rc.Request.Header.Peek(TargetHeader))
	if err != nil {
		return err
	}
	if encoding := rc.Request.Header.ContentEncoding(); len(encoding) > 0 && string(encoding) != "identity" { // nor does AWS
		return &ingest.Error{
			Code:   ingest.UnsupportedEncoding,
			Detail: fmt.Sprintf("Content-Encoding %.40q is not supported; send the body as it is (identity)", encoding),
		}
	}
	body, err := req.Receive()
	if err != nil {
		return err
	}
	call, err := decode(op, req, body)
	if err != nil {
		return err
	}
	if err := call.validate(op, h.ingest.Limits()); err != nil {
		return err
	}
	if err := req.Authorize(op.String(), call.stream); err != nil {
		return err
	}
	stream, err := h.ingest.Stream(call.stream)
	if err != nil {
		return asResourceNotFound(err, call.stream)
	}
	if op == putRecordBatch && size(call.records) > maxBatch {
		return &ingest.Error{
			Code: ingest.BatchTooLarge, Limit: maxBatch, Size: size(call.records),
			Detail: "Records size exceeds 4 MB limit",
		}
	}
	req.Records = call.records
	req.MayCut = op == putRecordBatch
	req.Key = ingest.Key{Operation: op.String(), Value: rc.Request.Header.Peek(invocationHeader)}
	receipt, err := h.ingest.Append(ctx, stream, req)
	if err != nil {
		return asResourceNotFound(err, call.stream)
	}
	req.Answer = appendAnswer(req.Answer, op, stream.ID, receipt, len(req.Records))
	writeHeaders(rc)
	rc.SetBody(req.Answer)
	return nil
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

// controlPlane are the service's other operations: known, so that a client is told the right thing, but not served.
var controlPlane = []string{
	"CreateDeliveryStream", "DeleteDeliveryStream", "DescribeDeliveryStream", "ListDeliveryStreams",
	"ListTagsForDeliveryStream", "StartDeliveryStreamEncryption", "StopDeliveryStreamEncryption",
	"TagDeliveryStream", "UntagDeliveryStream", "UpdateDestination",
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
		for _, known := range controlPlane {
			if string(name) == known {
				return 0, unknownOperation("The operation " + known +
					" is not served by this version of Hydrant; PutRecord and PutRecordBatch are.")
			}
		}
	}
	return 0, unknownOperation("X-Amz-Target names no operation of " + targetPrefix[:len(targetPrefix)-1] + ".")
}

func unknownOperation(detail string) error {
	return &ingest.Error{Code: ingest.UnknownOperation, Detail: detail}
}

// asResourceNotFound puts a missing stream in AWS's words; tools search the message for them.
func asResourceNotFound(err error, name []byte) error {
	if e := ingest.AsError(err); e.Code == ingest.StreamNotFound {
		return &ingest.Error{Code: e.Code, Detail: "Firehose " + string(name) + " not found under account 000000000000."}
	}
	return err
}
