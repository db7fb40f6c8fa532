package gateway

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"hydrant/gateway/ingest"
)

// checkFraming refuses a request that says its length twice. fasthttp lets Transfer-Encoding win, as the RFC allows; a
// proxy in front that let Content-Length win would see other requests on the connection than this server does, so
// RFC 9112, section 6.1, allows refusing it. fasthttp marks such a connection for closing, which keeps this check away
// from almost all requests.
func checkFraming(h *fasthttp.RequestHeader) error {
	if h.ContentLength() != -1 && !h.ConnectionClose() {
		return nil
	}
	raw := h.RawHeaders()
	if hasHeader(raw, "transfer-encoding") && (hasHeader(raw, "content-length") || h.ContentLength() != -1) {
		return &ingest.Error{
			Code:   ingest.BadRequest,
			Detail: "the request has both Content-Length and Transfer-Encoding, or a Transfer-Encoding other than chunked; send one",
		}
	}
	return nil
}

// hasHeader looks for a header in its lines as sent; fasthttp keeps neither of the two among its parsed ones.
func hasHeader(raw []byte, name string) bool {
	for line := range bytes.Lines(raw) {
		key, _, ok := bytes.Cut(line, []byte{':'})
		if ok && bytes.EqualFold(key, []byte(name)) {
			return true
		}
	}
	return false
}
