//go:build integration

package deliverytest

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"hydrant/bench/s3fault"
)

// Proxy is a fault proxy that listens at URL.
type Proxy struct {
	*s3fault.Proxy
	URL string
}

// StartProxy starts a proxy that is closed when the test ends.
func StartProxy(t testing.TB, endpoint string) *Proxy {
	t.Helper()
	p, err := s3fault.New(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return &Proxy{p, server.URL}
}

// IgnoreConditions passes requests on without their conditions, as a store does that does not know them. They are signed
// anew, for a condition is part of what is signed.
func IgnoreConditions(s *S3Server) s3fault.Fault {
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	credentials := aws.Credentials{AccessKeyID: s.AccessKey, SecretAccessKey: s.Secret}
	return func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
		for _, name := range []string{"If-None-Match", "If-Match", "Authorization", "Connection"} {
			r.Header.Del(name)
		}
		hash := r.Header.Get("X-Amz-Content-Sha256")
		if err := signer.SignHTTP(r.Context(), credentials, r, hash, "s3", "us-east-1", time.Now()); err != nil {
			panic(http.ErrAbortHandler)
		}
		forward(w, r)
	}
}
