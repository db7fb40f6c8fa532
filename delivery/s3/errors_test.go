package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"hydrant/delivery"
	"hydrant/stream"
)

// What the store answers to Create, and what that means.
func TestCreateAnswers(t *testing.T) {
	for _, tt := range []struct {
		status  int
		code    string
		class   delivery.Class
		refused bool
		text    string
	}{
		{400, "AuthorizationHeaderMalformed", delivery.Held, true, "correct the region"},
		{400, "BadDigest", delivery.Transient, true, "BadDigest"},
		{400, "EntityTooLarge", delivery.Held, true, "buffering.size"},
		{400, "ExpiredToken", delivery.Held, true, "renew the credentials"},
		{400, "IncompleteBody", delivery.Transient, true, "IncompleteBody"},
		{400, "InvalidArgument", delivery.Held, true, "correct bucket, endpoint and region"},
		{400, "RequestTimeout", delivery.Transient, false, "RequestTimeout"},
		{400, "XAmzContentSHA256Mismatch", delivery.Transient, true, "XAmzContentSHA256Mismatch"},
		{301, "PermanentRedirect", delivery.Held, true, "correct the region"},
		{401, "Unauthorized", delivery.Held, true, "Unauthorized"},
		{403, "AccessDenied", delivery.Held, true, "s3:PutObject"},
		{403, "InvalidAccessKeyId", delivery.Held, true, "correct the credentials"},
		{403, "QuotaExceeded", delivery.Held, true, "raise the quota"},
		{403, "RequestTimeTooSkewed", delivery.Held, true, "clock"},
		{403, "SignatureDoesNotMatch", delivery.Held, true, "correct the credentials"},
		{404, "NoSuchBucket", delivery.Held, true, "create the bucket"},
		{404, "NoSuchKey", delivery.Held, true, "NoSuchKey"},
		{408, "", delivery.Transient, false, "408"},
		{409, "ConditionalRequestConflict", delivery.Transient, false, "ConditionalRequestConflict"},
		{409, "OperationAborted", delivery.Transient, false, "OperationAborted"},
		{429, "TooManyRequests", delivery.Throttled, true, "TooManyRequests"},
		{500, "InternalError", delivery.Transient, false, "InternalError"},
		{501, "NotImplemented", delivery.Held, true, "supports"},
		{502, "", delivery.Transient, false, "502"},
		{503, "SlowDown", delivery.Throttled, false, "SlowDown"},
		{503, "ServiceUnavailable", delivery.Throttled, false, "ServiceUnavailable"},
		{504, "", delivery.Transient, false, "504"},
		{507, "XMinioStorageFull", delivery.Held, false, "free space"},
	} {
		t.Run(fmt.Sprint(tt.status, tt.code), func(t *testing.T) {
			var calls atomic.Int32
			d := dial(t, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				answer(w, r, tt.status, tt.code)
			})
			err := d.Create(t.Context(), &example)
			expectTrouble(t, "create", err, tt.class, tt.refused, tt.text)
			expectTrouble(t, "create", err, tt.class, tt.refused, tt.code)
			if got := calls.Load(); got != 1 {
				t.Errorf("%d requests, want 1: delivery repeats, the SDK does not", got)
			}
		})
	}
}

func TestCreateFindsAnObject(t *testing.T) {
	for _, code := range []string{"PreconditionFailed", ""} {
		d := dial(t, func(w http.ResponseWriter, r *http.Request) { answer(w, r, 412, code) })
		if err := d.Create(t.Context(), &example); !errors.Is(err, delivery.ErrExists) {
			t.Errorf("Create = %v, want ErrExists", err)
		}
	}
}

// What the store answers to Stat and Open. The answer to Stat has no body and so no code.
func TestReadAnswers(t *testing.T) {
	for _, tt := range []struct {
		status int
		code   string
		class  delivery.Class
		text   string
	}{
		{301, "PermanentRedirect", delivery.Held, "correct the region"},
		{403, "AccessDenied", delivery.Held, "s3:ListBucket"},
		{500, "InternalError", delivery.Transient, "500"},
		{503, "SlowDown", delivery.Throttled, "503"},
	} {
		t.Run(tt.code, func(t *testing.T) {
			d := dial(t, func(w http.ResponseWriter, r *http.Request) { answer(w, r, tt.status, tt.code) })
			refused := tt.status < 500
			_, err := d.Stat(t.Context(), example.Key)
			expectTrouble(t, "stat", err, tt.class, refused, tt.text)
			_, err = d.Open(t.Context(), example.Key)
			expectTrouble(t, "open", err, tt.class, refused, tt.text)
		})
	}
}

func TestMissingObject(t *testing.T) {
	d := dial(t, func(w http.ResponseWriter, r *http.Request) { answer(w, r, 404, "NoSuchKey") })
	if _, err := d.Stat(t.Context(), "key"); !errors.Is(err, delivery.ErrNotExist) {
		t.Errorf("Stat = %v, want ErrNotExist", err)
	}
	if _, err := d.Open(t.Context(), "key"); !errors.Is(err, delivery.ErrNotExist) {
		t.Errorf("Open = %v, want ErrNotExist", err)
	}
	d = dial(t, func(w http.ResponseWriter, r *http.Request) { answer(w, r, 404, "XAdminUserNotFound") })
	_, err := d.Stat(t.Context(), example.Key) // its first request's answer has no code
	expectTrouble(t, "stat", err, delivery.Held, true, "correct the credentials")
	d = dial(t, func(w http.ResponseWriter, r *http.Request) { answer(w, r, 404, "NoSuchBucket") })
	if _, err := d.Stat(t.Context(), "key"); !errors.Is(err, delivery.ErrNotExist) {
		t.Errorf("Stat in no bucket = %v, want ErrNotExist", err)
	}
	_, err = d.Open(t.Context(), example.Key)
	expectTrouble(t, "open", err, delivery.Held, true, "create the bucket")
}

// Only the store knows that an object is absent: what stands in its place when it is away, or gone, does not.
func TestMissingStore(t *testing.T) {
	for _, page := range []string{"", "default backend - 404\n", "<html><body><hr><center>nginx</center></body></html>", "<html/>", `{"status":404}`} {
		d := dial(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, page)
		})
		_, err := d.Stat(t.Context(), example.Key)
		expectTrouble(t, "stat", err, delivery.Held, true, "correct bucket, endpoint and region")
		_, err = d.Open(t.Context(), example.Key)
		expectTrouble(t, "open", err, delivery.Held, true, "correct bucket, endpoint and region")
		_, _, err = d.LoadRecord(t.Context(), "name")
		if errors.Is(err, delivery.ErrNotExist) {
			t.Errorf("LoadRecord = %v", err)
		}
	}
}

func TestWrongRegionIsNamed(t *testing.T) {
	for _, status := range []int{301, 400} {
		d := dial(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("x-amz-bucket-region", "eu-central-1")
			answer(w, r, status, "Anything")
		})
		for op, err := range everyOperation(t.Context(), d) {
			expectTrouble(t, op, err, delivery.Held, true, "the bucket is in region eu-central-1")
		}
	}
}

// Without an answer the outcome is unknown, unless nothing can have been sent.
func TestLostAnswers(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"cut before the body": func(w http.ResponseWriter, _ *http.Request) { cut(w) },
		"cut in the body": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadFull(r.Body, make([]byte, 5))
			cut(w)
		},
		"cut after the body": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			cut(w)
		},
		"cut in the answer's head": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			connection, buffer, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = buffer.WriteString("HTTP/1.1 200 OK\r\nETag: \"x")
				_ = errors.Join(buffer.Flush(), connection.Close())
			}
		},
		"cut in an error's body": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, "<Error><Code>Inter")
			panic(http.ErrAbortHandler)
		},
		"not a store": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, "<html>Welcome!</html>")
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := dial(t, handler)
			expectTrouble(t, "create", d.Create(t.Context(), &example), delivery.Transient, false, "")
			large := example
			large.Body = delivery.Body{make([]byte, 5<<20)} // with Expect: 100-continue
			expectTrouble(t, "create", d.Create(t.Context(), &large), delivery.Transient, false, "")
		})
	}
}

func TestSilentStore(t *testing.T) {
	for op, call := range map[string]func(*Destination) error{
		"create": func(d *Destination) error { return d.Create(t.Context(), &example) },
		"stat":   func(d *Destination) error { _, err := d.Stat(t.Context(), example.Key); return err },
	} {
		var arrived atomic.Bool
		release := make(chan struct{})
		d := dial(t, func(http.ResponseWriter, *http.Request) { arrived.Store(true); <-release })
		defer close(release)
		patience := 20 * time.Millisecond
		d.patience = func(int64) time.Duration { return patience }
		err := call(d)
		for wasRefused(err) && !arrived.Load() { // a busy machine has sent nothing by then
			patience *= 2
			err = call(d)
		}
		expectTrouble(t, op, err, delivery.Transient, false, "deadline")
	}
}

func wasRefused(err error) bool {
	var trouble *delivery.Error
	return errors.As(err, &trouble) && trouble.Refused
}

func TestUnreachableStore(t *testing.T) {
	const nobody = "http://127.0.0.1:1" // a port that no system gives to a test
	d, err := newDestination(settings(""), stream.S3{Bucket: "lake", Endpoint: nobody, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	for op, err := range everyOperation(t.Context(), d) {
		expectTrouble(t, op, err, delivery.Transient, true, "refused")
	}
}

func TestCancelledBeforeItStarts(t *testing.T) {
	d := dial(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for op, err := range everyOperation(ctx, d) {
		expectTrouble(t, op, err, delivery.Transient, true, "canceled")
	}
}

func TestTLSTroubles(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains about our refusals
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	for endpoint, text := range map[string]string{
		secure.URL:                        "AWS_CA_BUNDLE",
		"https" + plain.URL[len("http"):]: "write the endpoint with http://",
	} {
		d, err := newDestination(settings(""), stream.S3{Bucket: "lake", Endpoint: endpoint, PathStyle: true})
		if err != nil {
			t.Fatal(err)
		}
		for op, err := range everyOperation(t.Context(), d) {
			expectTrouble(t, op, err, delivery.Held, true, text)
		}
	}
}

func TestRequestsThatCannotBeBuilt(t *testing.T) {
	d, err := newDestination(settings("us-east-1"), stream.S3{Bucket: "lake"})
	if err != nil {
		t.Fatal(err)
	}
	err = d.Create(t.Context(), &delivery.Object{})
	var trouble *delivery.Error
	if !errors.As(err, &trouble) || trouble.Class != delivery.Held || !trouble.Refused {
		t.Errorf("Create without a key = %v, want it held and refused", err)
	}
}

// answer writes an error as S3 does: with XML, but not to HEAD.
func answer(w http.ResponseWriter, r *http.Request, status int, code string) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("x-amz-request-id", "4442587FB7D0A2F9")
	w.WriteHeader(status)
	if r.Method != http.MethodHead && code != "" {
		_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?>`+
			`<Error><Code>%s</Code><Message>Text of the store.</Message><RequestId>4442587FB7D0A2F9</RequestId></Error>`, code)
	}
}

// cut resets the connection.
func cut(w http.ResponseWriter) {
	connection, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_ = connection.(*net.TCPConn).SetLinger(0)
	_ = connection.Close()
}

// The credentials that clouds keep at link-local addresses are not for whoever writes a definition, nor for a store that
// sends its clients there.
func TestLinkLocalEndpointsAreNotCalled(t *testing.T) {
	for _, endpoint := range []string{"http://169.254.169.254", "http://[fe80::1]", "http://100.100.100.200"} {
		d, err := newDestination(settings(""), stream.S3{Bucket: "lake", Endpoint: endpoint, PathStyle: true})
		if err != nil {
			t.Fatal(err)
		}
		expectTrouble(t, "create", d.Create(t.Context(), &example), delivery.Held, true, "link-local")
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		d := dial(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254"+r.URL.Path, status)
		})
		expectTrouble(t, "create", d.Create(t.Context(), &example), delivery.Held, true, "correct the")
		_, err := d.Stat(t.Context(), example.Key)
		expectTrouble(t, "stat", err, delivery.Held, true, "correct the")
	}
}
