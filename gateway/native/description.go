package native

import (
	_ "embed"

	"github.com/valyala/fasthttp"
)

// Description is the API in OpenAPI's form.
//
//go:embed openapi.yaml
var Description []byte

// Definition is the body in protobuf, for clients to generate their code from.
//
//go:embed recordpb/records.proto
var Definition []byte

// page is one that tells producers how to send.
type page struct {
	contentType string
	body        []byte
}

// pages are served by their paths, to everybody.
var pages = map[string]page{
	"/v1/openapi.yaml":  {"application/yaml", Description},
	"/v1/records.proto": {"text/plain; charset=utf-8", Definition},
}

func (p page) serve(rc *fasthttp.RequestCtx) error {
	if !rc.IsGet() && !rc.IsHead() {
		return notAllowed(rc, "GET, HEAD", "this is read with GET")
	}
	rc.SetContentType(p.contentType)
	rc.SetBody(p.body)
	return nil
}
