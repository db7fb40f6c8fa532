//go:build integration

package s3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

func TestS3(t *testing.T) {
	server := start(t)
	deliverytest.Run(t, func(t *testing.T) delivery.Destination { return server.open(t) })
}

func TestS3Records(t *testing.T) {
	server := start(t)
	deliverytest.RunRecords(t, func(t *testing.T) delivery.Destination { return server.open(t) })
}

// The form for Amazon, a checksum in a header, is checked by a real server as well. It is an unsigned body only over
// TLS, so here both checks apply.
func TestS3AsAmazon(t *testing.T) {
	server := start(t)
	deliverytest.Run(t, func(t *testing.T) delivery.Destination {
		d := server.open(t)
		d.amazon = true
		return d
	})
}

func TestS3KeepsMetadata(t *testing.T) {
	d := start(t).open(t)
	if err := d.Create(t.Context(), &example); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Stat(t.Context(), example.Key); err != nil || got != example.Metadata {
		t.Errorf("Stat = %+v, %v, want %+v", got, err, example.Metadata)
	}
	head, err := d.client.HeadObject(t.Context(), &sdk.HeadObjectInput{Bucket: &d.bucket, Key: &example.Key})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(*head.ContentEncoding, " ", *head.ContentType, " ", *head.ContentLength)
	if want := "gzip application/octet-stream 12"; got != want {
		t.Errorf("the object has encoding, type and length %s, want %s", got, want)
	}
}

// A program that lists the bucket sees whole objects and nothing else.
func TestS3ListsOnlyWholeObjects(t *testing.T) {
	d := start(t).open(t)
	const size = 6 << 20
	done := make(chan struct{})
	var lister sync.WaitGroup
	lister.Go(func() {
		for last := false; !last; {
			select {
			case <-done:
				last = true
			default:
			}
			output, err := d.client.ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: &d.bucket})
			if err != nil {
				t.Error(err)
				return
			}
			for _, o := range output.Contents {
				if *o.Size != size {
					t.Errorf("%s is listed with %d bytes, want %d", *o.Key, *o.Size, size)
				}
			}
			if last && len(output.Contents) != 5 {
				t.Errorf("%d objects are listed, want 5", len(output.Contents))
			}
		}
	})
	for n := range 5 {
		o := &delivery.Object{Key: fmt.Sprintf("a/%d", n), Body: delivery.Body{make([]byte, size)}}
		if err := d.Create(t.Context(), o); err != nil {
			t.Errorf("Create %s: %v", o.Key, err)
		}
	}
	close(done)
	lister.Wait()
}

// A bit that flips on its way is refused by the store, in both forms of protection.
func TestS3RefusesDamage(t *testing.T) {
	server := start(t)
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	damaging := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		body[len(body)/2] ^= 1
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(damaging.Close)
	for _, unsigned := range []bool{false, true} {
		d := server.open(t)
		through, err := New(t.Context(), stream.S3{Bucket: d.bucket, Endpoint: damaging.URL, PathStyle: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = through.Close() })
		if through.amazon = unsigned; unsigned {
			through.client = sdk.New(through.client.Options(),
				sdk.WithAPIOptions(v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware))
		}
		err = through.Create(t.Context(), &example)
		expectTrouble(t, "create", err, delivery.Transient, true, "")
		if _, err := d.Stat(t.Context(), example.Key); !errors.Is(err, delivery.ErrNotExist) {
			t.Errorf("Stat = %v, want ErrNotExist", err)
		}
	}
}

func TestS3Troubles(t *testing.T) {
	server := start(t)
	d := server.open(t)
	d.bucket = "no-such-bucket"
	err := d.Create(t.Context(), &example)
	var trouble *delivery.Error
	if !errors.As(err, &trouble) || trouble.Class != delivery.Held || !trouble.Refused {
		t.Errorf("Create in no bucket = %v, want it held and refused", err)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	err = server.open(t).Create(t.Context(), &example)
	if !errors.As(err, &trouble) || trouble.Class != delivery.Held || !trouble.Refused {
		t.Errorf("Create with a wrong secret = %v, want it held and refused", err)
	}
}

func BenchmarkCreate(b *testing.B) {
	d := start(b).open(b)
	for _, size := range []int{64 << 10, 5 << 20, 64 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			body := delivery.Body{make([]byte, size)}
			b.SetBytes(int64(size))
			for b.Loop() {
				o := &delivery.Object{Key: fmt.Sprint("object ", names.Add(1)), Body: body}
				if err := d.Create(b.Context(), o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

var names atomic.Int64

// server is a running S3 server whose credentials the environment holds.
type server struct{ *deliverytest.S3Server }

func start(t testing.TB) server {
	t.Helper()
	s := server{deliverytest.StartS3(t)}
	isolate(t)
	t.Setenv("AWS_ACCESS_KEY_ID", s.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s.Secret)
	return s
}

// open makes a new bucket.
func (s server) open(t testing.TB) *Destination {
	t.Helper()
	bucket := fmt.Sprintf("bucket-%d", names.Add(1))
	s.MakeBucket(t, bucket)
	d, err := New(t.Context(), stream.S3{Bucket: bucket, Endpoint: s.Endpoint, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}
