package firehose

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/valyala/fasthttp"

	"hydrant/gateway/auth"
	"hydrant/gateway/ingest"
)

// Control serves the operations on streams themselves.
type Control interface {
	// Call serves one call and returns the answer as JSON. It does not keep the body. Errors are of type *ingest.Error.
	Call(ctx context.Context, operation string, body []byte, by ingest.Caller) ([]byte, error)

	// Account is whose streams they are, as messages name it.
	Account() string
}

// controlOperation returns the name of an operation on streams.
func controlOperation(target []byte) (string, bool) {
	name, ok := bytes.CutPrefix(target, []byte(targetPrefix))
	if !ok {
		return "", false
	}
	i := slices.Index(auth.Actions[auth.Manage], string(name))
	if i < 0 {
		return "", false
	}
	return auth.Actions[auth.Manage][i], true
}

func (h *Handler) serveControl(ctx context.Context, rc *fasthttp.RequestCtx, req *ingest.Request, operation string) error {
	if err := checkEncoding(rc); err != nil {
		return err
	}
	if err := req.AuthorizeSome(operation); err != nil {
		return err
	}
	body, err := req.Receive()
	if e, ok := errors.AsType[*ingest.Error](err); ok && e.Code == ingest.EmptyBody {
		return &ingest.Error{Code: ingest.EmptyBody, Detail: "the request has no body; send a JSON object, {} where nothing is to be said"}
	}
	if err != nil {
		return err
	}
	req.Retry = isFurtherAttempt(rc.Request.Header.Peek(attemptHeader))
	answer, err := h.control.Call(ctx, operation, body, req.Caller(operation))
	if err != nil {
		return err
	}
	writeHeaders(rc)
	rc.SetBody(answer)
	return nil
}

// attemptHeader is what AWS's SDKs count the attempts of a call in.
const attemptHeader = "Amz-Sdk-Request"

// isFurtherAttempt reports whether one went before, by a header such as "ttl=20261127T061502Z; attempt=2; max=3".
func isFurtherAttempt(header []byte) bool {
	for part := range bytes.SplitSeq(header, []byte(";")) {
		if number, found := bytes.CutPrefix(bytes.TrimSpace(part), []byte("attempt=")); found {
			attempt, err := strconv.ParseUint(string(number), 10, 32)
			return err == nil && attempt > 1
		}
	}
	return false
}

func (h *Handler) account() string {
	if h.control == nil {
		return "000000000000"
	}
	return h.control.Account()
}
