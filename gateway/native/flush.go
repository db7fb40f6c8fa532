package native

import (
	"context"
	"fmt"
	"time"

	"github.com/valyala/fasthttp"

	"hydrant/buffer"
	"hydrant/gateway/auth"
	"hydrant/gateway/ingest"
)

// Flush seals what a stream's open objects hold, and returns when that is durable. Where it cannot it waits until ctx ends;
// the error says why, for the caller.
type Flush func(ctx context.Context, id buffer.StreamID) (objects, records int64, err error)

// Bounds of a flush that waits.
const (
	flushPatience = 10 * time.Second
	retryFlush    = 5 * time.Second
)

// serveFlush seals the stream's open objects and says what they hold, or returns why it did not.
func (h *Handler) serveFlush(ctx context.Context, rc *fasthttp.RequestCtx, req *ingest.Request, name []byte) error {
	if err := onlyPost(rc, "a stream is flushed with POST"); err != nil {
		return err
	}
	stream, err := h.streamFor(ctx, req, auth.Flush, name)
	if err != nil {
		return err
	}
	objects, records, err := h.flushNow(ctx, stream.ID)
	if err != nil {
		return err
	}
	answer(rc, fmt.Appendf(nil, `{"objects":%d,"records":%d}`, objects, records))
	return nil
}

func (h *Handler) flushNow(ctx context.Context, id buffer.StreamID) (objects, records int64, _ error) {
	ctx, cancel := context.WithTimeout(ctx, flushPatience)
	defer cancel()
	objects, records, err := h.flush(ctx, id)
	if err != nil {
		return 0, 0, &ingest.Error{Code: ingest.FlushIncomplete, RetryAfter: retryFlush, Detail: "not everything could be sealed yet: " + err.Error()}
	}
	return objects, records, nil
}
