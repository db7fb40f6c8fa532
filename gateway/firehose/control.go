package firehose

import (
	"bytes"
	"context"
	"errors"
	"slices"

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
	answer, err := h.control.Call(ctx, operation, body, req.Caller(operation))
	if err != nil {
		return err
	}
	writeHeaders(rc)
	rc.SetBody(answer)
	return nil
}

func (h *Handler) account() string {
	if h.control == nil {
		return "000000000000"
	}
	return h.control.Account()
}
