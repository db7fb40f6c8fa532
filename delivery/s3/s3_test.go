package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"hydrant/delivery"
	"hydrant/stream"
)

var example = delivery.Object{
	Key:             "clicks/dt=2026-11-22/part one.gz",
	Body:            delivery.Body{[]byte("first "), nil, []byte("second")},
	ContentEncoding: "gzip",
	Metadata:        delivery.Metadata{Stream: "clicks", Sequence: "00/17-4711", Records: 12, Checksum: "xxh64:00c0ffee"},
}

// No goroutine of a connection outlives the tests.
func TestMain(m *testing.M) {
	if scheme := os.Getenv(dummyStore); scheme != "" {
		serveDummy(scheme)
		return
	}
	if point := os.Getenv(dieAt); point != "" {
		if err := uploadAndDie(point); err != nil {
			panic(err)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// request is what a server saw.
type request struct {
	method, path string
	header       http.Header
	length       int64
	chunked      []string
	body         []byte
}

func TestCreateOnTheWire(t *testing.T) {
	var seen []request
	d := dial(t, record(&seen, func(w http.ResponseWriter) { w.Header().Set("ETag", `"x"`) }))
	if err := d.Create(t.Context(), &example); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 1 {
		t.Fatalf("%d requests, want 1", len(seen))
	}
	got := seen[0]
	if got.method != "PUT" || got.path != "/lake/clicks/dt%3D2026-11-22/part%20one.gz" {
		t.Errorf("request is %s %s", got.method, got.path)
	}
	if want := bytes.Join(example.Body, nil); !bytes.Equal(got.body, want) || got.length != int64(len(want)) {
		t.Errorf("body is %q with length %d, want %q", got.body, got.length, want)
	}
	sum := sha256.Sum256(got.body)
	expectHeaders(t, got, map[string]string{
		"If-None-Match":               "*",
		"Content-Type":                "application/octet-stream",
		"Content-Encoding":            "gzip",
		"X-Amz-Content-Sha256":        hex.EncodeToString(sum[:]),
		"X-Amz-Meta-Hydrant-Stream":   "clicks",
		"X-Amz-Meta-Hydrant-Sequence": "00/17-4711",
		"X-Amz-Meta-Hydrant-Records":  "12",
		"X-Amz-Meta-Hydrant-Checksum": "xxh64:00c0ffee",
		"X-Amz-Checksum-Crc32c":       "", // refused by some stores
		"X-Amz-Trailer":               "",
	})
}

// A store's TLS is no reason to trust the body to it: there may be a proxy in between.
func TestCreateOnTheWireWithTLS(t *testing.T) {
	var seen []request
	server := httptest.NewTLSServer(record(&seen, func(w http.ResponseWriter) { w.Header().Set("ETag", `"x"`) }))
	t.Cleanup(server.Close)
	chain := settings("us-east-1")
	chain.HTTPClient = server.Client()
	d, err := newDestination(chain, stream.S3{Bucket: "lake", Endpoint: server.URL, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Create(t.Context(), &example); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(seen[0].body)
	expectHeaders(t, seen[0], map[string]string{"X-Amz-Content-Sha256": hex.EncodeToString(sum[:])})
}

// Amazon gets a checksum in a header and the body unsigned, which costs next to nothing.
func TestCreateOnTheWireToAmazon(t *testing.T) {
	var seen []request
	server := httptest.NewTLSServer(record(&seen, func(w http.ResponseWriter) { w.Header().Set("ETag", `"x"`) }))
	t.Cleanup(server.Close)
	var host string
	chain := settings("eu-central-1")
	chain.HTTPClient = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host = address
			return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the test's server is not Amazon
	}}
	d, err := newDestination(chain, stream.S3{Bucket: "lake"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := d.Create(t.Context(), &example); err != nil {
		t.Fatal(err)
	}
	if want := "lake.s3.eu-central-1.amazonaws.com:443"; host != want {
		t.Errorf("connected to %s, want %s", host, want)
	}
	expectHeaders(t, seen[0], map[string]string{
		"If-None-Match":         "*",
		"X-Amz-Content-Sha256":  "UNSIGNED-PAYLOAD",
		"X-Amz-Checksum-Crc32c": checksum(example.Body),
		"Content-Encoding":      "gzip",
		"X-Amz-Trailer":         "",
	})
	if len(seen[0].chunked) > 0 || seen[0].length != 12 {
		t.Errorf("sent chunked %v, length %d; want a known length", seen[0].chunked, seen[0].length)
	}
}

func TestStat(t *testing.T) {
	for name, tt := range map[string]struct {
		header map[string]string
		want   delivery.Metadata
	}{
		"ours": {
			header: map[string]string{
				"x-amz-meta-hydrant-stream": "clicks", "x-amz-meta-hydrant-sequence": "00/17-4711",
				"x-amz-meta-hydrant-records": "12", "x-amz-meta-hydrant-checksum": "xxh64:00c0ffee",
			},
			want: example.Metadata,
		},
		"no metadata":  {want: delivery.Metadata{}},
		"other's":      {header: map[string]string{"x-amz-meta-owner": "me"}, want: delivery.Metadata{}},
		"not a number": {header: map[string]string{"x-amz-meta-hydrant-records": "many"}, want: delivery.Metadata{Records: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			d := dial(t, func(w http.ResponseWriter, _ *http.Request) {
				for key, value := range tt.header {
					w.Header().Set(key, value)
				}
			})
			got, err := d.Stat(t.Context(), example.Key)
			if err != nil || got != tt.want {
				t.Errorf("Stat = %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

// What is stored compressed is read compressed, though net/http would decode it.
func TestOpenDoesNotDecode(t *testing.T) {
	const stored = "\x1f\x8b not really gzip"
	d := dial(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("Accept-Encoding is %q, want identity", got)
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, stored)
	})
	r, err := d.Open(t.Context(), example.Key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != stored {
		t.Errorf("read %q, %v, want %q", got, err, stored)
	}
}

func TestNewRefuses(t *testing.T) {
	isolate(t)
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	for name, tt := range map[string]struct {
		definition stream.S3
		want       string
	}{
		"no bucket":          {stream.S3{Region: "us-east-1"}, "bucket is empty"},
		"no region":          {stream.S3{Bucket: "lake"}, "region is empty"},
		"endpoint is a host": {stream.S3{Bucket: "lake", Endpoint: "localhost:9000"}, "http://host:port"},
		"endpoint is a path": {stream.S3{Bucket: "lake", Endpoint: "/tmp"}, "http://host:port"},
		"endpoint is no URL": {stream.S3{Bucket: "lake", Endpoint: "http://[::1"}, "endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(t.Context(), tt.definition); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New(%+v) = %v, want an error with %q", tt.definition, err, tt.want)
			}
		})
	}
}

func TestNewReadsTheMachinesSettings(t *testing.T) {
	var seen []request
	server := httptest.NewServer(record(&seen, func(http.ResponseWriter) {}))
	t.Cleanup(server.Close)
	isolate(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_MAX_ATTEMPTS", "5") // delivery repeats, the SDK does not
	t.Setenv("AWS_ENDPOINT_URL_S3", server.URL)
	d, err := New(t.Context(), stream.S3{Bucket: "lake", PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if _, err := d.Stat(t.Context(), "key"); err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`Credential=AKEXAMPLE/\d{8}/us-east-1/s3/aws4_request`)
	if got := seen[0].header.Get("Authorization"); !want.MatchString(got) {
		t.Errorf("Authorization is %q, want it to have %q", got, want)
	}
	if d.amazon {
		t.Error("an endpoint from the environment was taken for Amazon")
	}
}

func TestNewTrustsTheBundle(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r, 404, noSuchKey) }))
	t.Cleanup(server.Close)
	isolate(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	bundle := filepath.Join(t.TempDir(), "authorities.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(bundle, block, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", bundle)
	d, err := New(t.Context(), stream.S3{Bucket: "lake", Endpoint: server.URL, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if _, err := d.Stat(t.Context(), "key"); !errors.Is(err, delivery.ErrNotExist) {
		t.Errorf("Stat = %v, want the server's answer", err)
	}
}

func TestMissingCredentials(t *testing.T) {
	isolate(t)
	d, err := New(t.Context(), stream.S3{Bucket: "lake", Endpoint: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	for op, err := range everyOperation(t.Context(), d) {
		expectTrouble(t, op, err, delivery.Held, true, "AWS_ACCESS_KEY_ID")
	}
}

func TestPatienceGrowsWithSize(t *testing.T) {
	for size, want := range map[int64]time.Duration{
		0: 30 * time.Second, 1 << 20: 38 * time.Second, 64 << 20: 542 * time.Second, 5 << 30: 40990 * time.Second,
	} {
		if got := patience(size); got != want {
			t.Errorf("patience(%d) = %v, want %v", size, got, want)
		}
	}
}

// isolate takes this machine's AWS settings away.
func isolate(t testing.TB) {
	t.Helper()
	nowhere := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": nowhere, "AWS_SHARED_CREDENTIALS_FILE": nowhere, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_ROLE_ARN": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_S3": "", "AWS_CA_BUNDLE": "",
		"AWS_ENDPOINT_URL_STS": "",
	} {
		t.Setenv(name, value)
	}
}

func settings(region string) aws.Config {
	return aws.Config{
		Region:      region,
		Credentials: credentials.NewStaticCredentialsProvider("test", "testtest", ""),
		HTTPClient:  newHTTPClient(),
	}
}

// dial returns a destination at a server that answers with the handler.
func dial(t *testing.T, handler http.HandlerFunc) *Destination {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	d, err := newDestination(settings(""), stream.S3{Bucket: "lake", Endpoint: server.URL, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// record notes each request, which come one after the other, and answers it.
func record(seen *[]request, answer func(http.ResponseWriter)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		*seen = append(*seen, request{r.Method, r.URL.EscapedPath(), r.Header, r.ContentLength, r.TransferEncoding, body})
		answer(w)
	}
}

func everyOperation(ctx context.Context, d *Destination) map[string]error {
	_, stat := d.Stat(ctx, example.Key)
	_, open := d.Open(ctx, example.Key)
	return map[string]error{"create": d.Create(ctx, &example), "stat": stat, "open": open}
}

func expectHeaders(t *testing.T, got request, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := got.header.Get(name); got != value {
			t.Errorf("header %s is %q, want %q", name, got, value)
		}
	}
}

func expectTrouble(t *testing.T, op string, err error, class delivery.Class, refused bool, text string) {
	t.Helper()
	var trouble *delivery.Error
	if !errors.As(err, &trouble) {
		t.Fatalf("%s = %v, want a *delivery.Error", op, err)
	}
	if trouble.Class != class || trouble.Refused != refused {
		t.Errorf("%s = %v: %v, refused %v; want %v, %v", op, err, trouble.Class, trouble.Refused, class, refused)
	}
	if trouble.Op != op || trouble.Key != example.Key {
		t.Errorf("%s = %+v, want operation and key", op, trouble)
	}
	if !strings.HasPrefix(err.Error(), "bucket ") || !strings.Contains(err.Error(), text) {
		t.Errorf("%s = %v, want the bucket first, and %q", op, err, text)
	}
	var sdkError *smithy.OperationError
	if strings.Contains(text, "api error") && !errors.As(err, &sdkError) {
		t.Errorf("%s = %v, want the SDK's error wrapped", op, err)
	}
}
