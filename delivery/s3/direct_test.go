package s3

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"hydrant/delivery"
	"hydrant/stream"
)

// Whatever a definition asks for, what is sent directly is what the SDK would send.
func TestDirectlyIsSentWhatTheSDKWouldSend(t *testing.T) {
	rich := stream.S3{
		Bucket: "lake", StorageClass: "STANDARD_IA", Tags: map[string]string{"team": "web shop", "a": "b"},
		Metadata: map[string]string{"owner": "shop", "cost-center": "12"}, SSE: "aws:kms", KMSKey: "arn:aws:kms:eu-central-1:1:key/2",
	}
	large, odd, empty := example, example, example
	empty.Body = nil
	large.Body = delivery.Body{bytes.Repeat([]byte("x"), expectFrom-1), []byte("yz")}
	odd.Key, odd.ContentEncoding = "a//b/../ü+~*'(%41)/=&?#", ""
	for name, tt := range map[string]struct {
		definition stream.S3
		path       string // of the endpoint; none for Amazon's own
		object     delivery.Object
	}{
		"plain":            {stream.S3{Bucket: "lake", PathStyle: true}, "/", example},
		"attributes":       {rich, "/", example},
		"below a path":     {stream.S3{Bucket: "lake", PathStyle: true}, "/stores/one", example},
		"a host of a name": {stream.S3{Bucket: "lake"}, "/", odd},
		"empty":            {stream.S3{Bucket: "lake", PathStyle: true}, "/", empty},
		"with dots":        {stream.S3{Bucket: "data.lake"}, "/", large},
		"Amazon":           {rich, "", odd},
		"Amazon, large":    {stream.S3{Bucket: "data.lake"}, "", large},
	} {
		t.Run(name, func(t *testing.T) {
			var seen []sentRequest
			d := dialByName(t, tt.definition, tt.path, func(w http.ResponseWriter, r *http.Request) {
				seen = append(seen, sentRequest{r.Method, r.Host, r.RequestURI, r.ContentLength, comparable(r.Header), readAll(r.Body)})
				w.Header().Set("ETag", `"x"`)
			})
			if err := d.Create(t.Context(), &tt.object); err != nil {
				t.Fatal(err)
			}
			if p := d.found.Load(); p == nil || p == nowhere {
				t.Fatal("nothing was sent directly")
			}
			d.found.Store(nowhere)
			if err := d.Create(t.Context(), &tt.object); err != nil {
				t.Fatal(err)
			}
			if len(seen) != 2 || !reflect.DeepEqual(seen[0], seen[1]) {
				t.Errorf("directly: %.900v\nthe SDK: %.900v", seen[0], seen[1])
			}
		})
	}
}

type sentRequest struct {
	method, host, uri string
	length            int64
	header            http.Header
	body              string
}

func readAll(r io.Reader) string {
	body, err := io.ReadAll(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return string(body)
}

// comparable is a header without what differs from one request to the next, and what names the program.
func comparable(header http.Header) http.Header {
	for _, name := range []string{"Authorization", "X-Amz-Date", "User-Agent", "Amz-Sdk-Invocation-Id", "Amz-Sdk-Request"} {
		header.Del(name)
	}
	return header
}

// dialByName returns a destination whose requests all reach the handler, whatever host they are for.
func dialByName(t *testing.T, definition stream.S3, path string, handler http.HandlerFunc) *Destination {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	if path != "" {
		definition.Endpoint = "https://store.example" + path
	}
	chain := settings("eu-central-1")
	chain.HTTPClient = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		},
		TLSClientConfig:       &tls.Config{InsecureSkipVerify: true}, // the test's server has another name
		ExpectContinueTimeout: time.Minute,
	}}
	d, err := newDestination(chain, definition)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// What wants another signature is left to the SDK.
func TestParsePlace(t *testing.T) {
	const signed = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2FX%2F20261127%2Fus-west-2%2Fs3%2Faws4_request"
	p := parsePlace("http://h:1/a%20b/lake/hydrant" + signed)
	if p == nowhere || p.region != "us-west-2" || p.url("k=1/x y").String() != "http://h:1/a%20b/lake/k%3D1/x%20y?x-id=PutObject" {
		t.Errorf("place is %+v", p)
	}
	for name, presigned := range map[string]string{
		"sessions":     "http://h/hydrant?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20261127%2Fus-west-2%2Fs3express%2Faws4_request",
		"many regions": "http://h/hydrant?X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Credential=AK%2F20261127%2Fs3%2Faws4_request",
		"another key":  "http://h/other" + signed,
		"no signature": "http://h/hydrant",
		"no URL":       "http://[::1/hydrant" + signed,
	} {
		if p := parsePlace(presigned); p != nowhere {
			t.Errorf("%s: place is %+v", name, p)
		}
	}
}

// A success with an error in its body is none.
func TestErrorIn200IsNoSuccess(t *testing.T) {
	d := dial(t, func(w http.ResponseWriter, r *http.Request) {
		_ = readAll(r.Body)
		w.Header().Set("ETag", `"x"`)
		_, _ = io.WriteString(w, "<Error><Code>SlowDown</Code><Message>later</Message></Error>")
	})
	expectTrouble(t, "create", d.Create(t.Context(), &example), delivery.Throttled, false, "SlowDown")
}

// A machine whose clock is wrong uploads by the store's, which the SDK learns from a refusal.
func TestClockOfTheStore(t *testing.T) {
	ahead := time.Now().Add(26 * time.Hour)
	var signed []string
	d := dial(t, func(w http.ResponseWriter, r *http.Request) {
		_ = readAll(r.Body)
		signed = append(signed, r.Header.Get("X-Amz-Date"))
		w.Header().Set("Date", ahead.UTC().Format(http.TimeFormat))
		if len(signed) == 1 {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<Error><Code>RequestTimeTooSkewed</Code></Error>")
			return
		}
		w.Header().Set("ETag", `"x"`)
	})
	expectTrouble(t, "create", d.Create(t.Context(), &example), delivery.Held, true, "clock")
	if err := d.Create(t.Context(), &example); err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse("20060102T150405Z", signed[1])
	if err != nil || at.Before(ahead.Add(-time.Hour)) {
		t.Errorf("signed for %s, %v; want about %s", signed[1], err, ahead)
	}
}

// Credentials that end while an answer is on its way do not make an upload one of which nothing was sent.
func TestAnswerThatTheSDKCannotRead(t *testing.T) {
	var sent atomic.Bool
	d := dial(t, func(w http.ResponseWriter, r *http.Request) {
		_ = readAll(r.Body)
		sent.Store(true)
		w.WriteHeader(http.StatusInternalServerError)
	})
	chain := settings("")
	chain.Credentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		if sent.Load() {
			return aws.Credentials{}, &net.OpError{Op: "dial", Err: errors.New("away")}
		}
		return settings("").Credentials.Retrieve(ctx)
	})
	broken, err := newDestination(chain, stream.S3{Bucket: "lake", Endpoint: *d.client.Options().BaseEndpoint, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broken.Close() })
	expectTrouble(t, "create", broken.Create(t.Context(), &example), delivery.Transient, false, "the answer was not read")
}

// A secret that is corrected is used at once, also under an access key that another one was used with.
func TestCorrectedSecret(t *testing.T) {
	at := time.Now()
	sign := func(s *signer, secret string) string {
		r := httptest.NewRequest(http.MethodPut, "http://h/lake/k", nil)
		if err := s.SignHTTP(t.Context(), aws.Credentials{AccessKeyID: "AK", SecretAccessKey: secret}, r, "x", "s3", "us-east-1", at); err != nil {
			t.Fatal(err)
		}
		return r.Header.Get("Authorization")
	}
	s := new(signer)
	wrong, right := sign(s, "wrong"), sign(s, "right")
	if wrong == right || right != sign(new(signer), "right") {
		t.Errorf("signed %s and then %s", wrong, right)
	}
}
