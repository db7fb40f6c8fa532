package native

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/valyala/fasthttp"

	"hydrant/gateway/ingest"
)

// problem is RFC 9457's object with the members that clients act upon.
type problem struct {
	Type   string      `json:"type"`
	Title  string      `json:"title"`
	Status int         `json:"status"`
	Detail string      `json:"detail"`
	Code   ingest.Code `json:"code"`
	Limit  int64       `json:"limit,omitempty"`
	Size   int64       `json:"size,omitempty"`
}

// Refuse writes the answer to a request that was not served.
func (h *Handler) Refuse(rc *fasthttp.RequestCtx, e *ingest.Error) {
	status := e.Code.Status()
	body, err := json.Marshal(problem{
		Type:   "urn:hydrant:problem:" + string(e.Code),
		Title:  http.StatusText(status),
		Status: status,
		Detail: e.Detail,
		Code:   e.Code,
		Limit:  e.Limit,
		Size:   e.Size,
	})
	if err != nil {
		panic("native: a problem is always JSON: " + err.Error()) // only strings and numbers
	}
	rc.SetStatusCode(status)
	rc.SetContentType("application/problem+json")
	rc.SetBody(body)
	if e.Code == ingest.UnsupportedEncoding {
		rc.Response.Header.Set(fasthttp.HeaderAcceptEncoding, ingest.Encodings) // RFC 9110, 15.5.16
	}
	if status == http.StatusUnauthorized {
		rc.Response.Header.Set(fasthttp.HeaderWWWAuthenticate, "Bearer")
	}
	if e.RetryAfter > 0 {
		rc.Response.Header.Set(fasthttp.HeaderRetryAfter, strconv.FormatInt(e.RetrySeconds(), 10))
	}
}
