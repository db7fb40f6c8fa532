package gateway

import (
	"crypto/x509"

	"github.com/valyala/fasthttp"

	"hydrant/gateway/auth"
)

// headOf is the request's head as it was sent: what fasthttp has cleaned is not what was signed.
func headOf(rc *fasthttp.RequestCtx) auth.Head {
	h := &rc.Request.Header
	return auth.Head{
		Method:      h.Method(),
		Target:      h.RequestURI(),
		Headers:     h.RawHeaders(),
		Certificate: clientCertificate(rc),
	}
}

// clientCertificate is the one that the client has proved to own and that the configured authority has issued; nil
// without one.
func clientCertificate(rc *fasthttp.RequestCtx) *x509.Certificate {
	state := rc.TLSConnectionState()
	if state == nil || len(state.VerifiedChains) == 0 {
		return nil
	}
	return state.VerifiedChains[0][0]
}
