package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"hydrant/delivery"
	hydrants3 "hydrant/delivery/s3"
	"hydrant/stream"
)

const testBucket = "suite"

// openSink serves a sink and returns what Hydrant makes of it.
func openSink(t *testing.T) (*Server, *hydrants3.Destination) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "any")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "any")
	s := New()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	d, err := hydrants3.New(t.Context(), stream.S3{Bucket: testBucket, Region: "us-east-1", Endpoint: server.URL, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, d
}

func objectOf(key string, size int, records int64) *delivery.Object {
	return &delivery.Object{
		Key:      key,
		Body:     delivery.Body{bytes.Repeat([]byte("x"), size)},
		Metadata: delivery.Metadata{Stream: "suite", Sequence: "0/1-2", Records: records, Checksum: "xxh64:1"},
	}
}

// Hydrant's probe finds a store that refuses to overwrite, in one request and in parts, and no canary stays.
func TestSinkSatisfiesTheProbe(t *testing.T) {
	s, d := openSink(t)
	can, err := d.Probe(t.Context())
	if err != nil || !can.Put || !can.Multipart {
		t.Errorf("got %+v %v, want both", can, err)
	}
	if len(s.objects)+len(s.uploads) > 0 || s.totals != (Totals{}) {
		t.Errorf("left: %v %v, totals %+v", s.objects, s.uploads, s.totals)
	}
}

// A lease is read as it was written, and given to one of several that want it.
func TestSinkKeepsLeases(t *testing.T) {
	_, d := openSink(t)
	if _, _, err := d.LoadRecord(t.Context(), "log"); !errors.Is(err, delivery.ErrNotExist) {
		t.Fatalf("got %v, want that there is none", err)
	}
	if err := d.StoreRecord(t.Context(), "log", "", []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := d.StoreRecord(t.Context(), "log", "", []byte("two")); !errors.Is(err, delivery.ErrExists) {
		t.Errorf("made twice: %v", err)
	}
	data, tag, err := d.LoadRecord(t.Context(), "log")
	if err != nil || string(data) != "one" || tag == "" {
		t.Fatalf("got %q %q %v", data, tag, err)
	}
	if err := d.StoreRecord(t.Context(), "log", tag, []byte("three")); err != nil {
		t.Error(err)
	}
	if err := d.StoreRecord(t.Context(), "log", tag, []byte("four")); !errors.Is(err, delivery.ErrExists) {
		t.Errorf("replaced with an old tag: %v", err)
	}
}

// Objects are counted and never overwritten, whoever comes first.
func TestSinkCreatesOnce(t *testing.T) {
	s, d := openSink(t)
	var racing sync.WaitGroup
	outcomes := make([]error, 8)
	for i := range outcomes {
		racing.Go(func() { outcomes[i] = d.Create(t.Context(), objectOf("a/b c+d.gz", 1000, 7)) })
	}
	racing.Wait()
	created := 0
	for _, err := range outcomes {
		switch {
		case err == nil:
			created++
		case !errors.Is(err, delivery.ErrExists):
			t.Error(err)
		}
	}
	if want := (Totals{Objects: 1, Bytes: 1000, Records: 7}); created != 1 || s.totals != want {
		t.Errorf("created %d times, totals %+v", created, s.totals)
	}
	got, err := d.Stat(t.Context(), "a/b c+d.gz")
	if diff := cmp.Diff(objectOf("", 0, 7).Metadata, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := d.Stat(t.Context(), "a/other"); !errors.Is(err, delivery.ErrNotExist) {
		t.Errorf("another key: %v", err)
	}
	if _, err := d.Open(t.Context(), "a/b c+d.gz"); err == nil {
		t.Error("it can be read, but nothing was kept")
	}
}

// Objects above 64 MiB come in parts.
func TestSinkTakesParts(t *testing.T) {
	s, d := openSink(t)
	const size = 65 << 20
	if err := d.Create(t.Context(), objectOf("large.gz", size, 9)); err != nil {
		t.Fatal(err)
	}
	if want := (Totals{Objects: 1, Bytes: size, Records: 9}); s.totals != want || len(s.uploads) > 0 {
		t.Errorf("totals %+v, want %+v; %d uploads are left", s.totals, want, len(s.uploads))
	}
	if err := d.Create(t.Context(), objectOf("large.gz", size, 9)); !errors.Is(err, delivery.ErrExists) {
		t.Errorf("created twice: %v", err)
	}
	for path, o := range s.objects {
		if o.memory != nil || o.files != nil {
			t.Errorf("%s: its content was kept", path)
		}
	}
}

// Uploads that nobody ends can be found and removed, and no others.
func TestSinkListsUploads(t *testing.T) {
	s := New()
	server := httptest.NewServer(s)
	defer server.Close()
	client := s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &server.URL, UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
		}),
	})
	bucket := testBucket
	for _, key := range []string{"a/1", "a/2", "b/1"} {
		if _, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	list := func() (keys map[string]*string) {
		out, err := client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &bucket, Prefix: aws.String("a/")})
		if err != nil {
			t.Fatal(err)
		}
		keys = map[string]*string{}
		for _, u := range out.Uploads {
			keys[*u.Key] = u.UploadId
		}
		return keys
	}
	before := list()
	if len(before) != 2 || before["a/1"] == nil || before["a/2"] == nil {
		t.Fatalf("listed %v", before)
	}
	if _, err := client.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: aws.String("a/1"), UploadId: before["a/1"]}); err != nil {
		t.Fatal(err)
	}
	if after := list(); len(after) != 1 || after["a/2"] == nil {
		t.Errorf("listed %v after one was aborted", after)
	}
}

// What it does not know it refuses, and a body that breaks off makes no object.
func TestSinkRefuses(t *testing.T) {
	s := New()
	for path, want := range map[string]int{
		"GET /suite/none":                       http.StatusNotFound,
		"HEAD /suite/none":                      http.StatusNotFound,
		"POST /suite/none":                      http.StatusNotImplemented,
		"GET /suite?list-type=2":                http.StatusNotImplemented,
		"PUT /suite/k?partNumber=1&uploadId=no": http.StatusNotFound,
		"POST /suite/k?uploadId=no":             http.StatusBadRequest,
		"DELETE /suite/k?uploadId=no":           http.StatusNotFound,
		"PATCH /suite/k?uploadId=no":            http.StatusNotImplemented,
		"DELETE /suite/none":                    http.StatusNoContent,
	} {
		var method, target string
		if _, err := fmt.Sscan(path, &method, &target); err != nil {
			t.Fatal(err)
		}
		recorder := httptest.NewRecorder()
		s.ServeHTTP(recorder, httptest.NewRequest(method, target, http.NoBody))
		if recorder.Code != want {
			t.Errorf("%s: got %d, want %d", path, recorder.Code, want)
		}
	}
	broken := httptest.NewRequest(http.MethodPut, "/suite/k", brokenBody{})
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, broken)
	if recorder.Code != http.StatusBadRequest || len(s.objects) > 0 {
		t.Errorf("a broken body: %d, objects %v", recorder.Code, s.objects)
	}
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errors.New("reset") }

// A server that keeps contents gives them back, and lists its objects page by page.
func TestSinkKeeps(t *testing.T) {
	s := Keep(t.TempDir())
	call := func(method, target, body string) string {
		t.Helper()
		recorder := httptest.NewRecorder()
		s.ServeHTTP(recorder, httptest.NewRequest(method, target, strings.NewReader(body)))
		if recorder.Code != http.StatusOK {
			t.Fatalf("%s %s: %d", method, target, recorder.Code)
		}
		return recorder.Body.String()
	}
	const objects = pageSize + 2
	for n := range objects {
		call(http.MethodPut, fmt.Sprintf("/lake/a/%04d", n), fmt.Sprint("content ", n))
	}
	call(http.MethodPut, "/lake/b", "another prefix")
	call(http.MethodPut, "/sea/a/1", "another bucket")
	if got := call(http.MethodGet, "/lake/a/0007", ""); got != "content 7" {
		t.Errorf("got %q", got)
	}
	first := call(http.MethodGet, "/lake?list-type=2&prefix=a/", "")
	second := call(http.MethodGet, "/lake?list-type=2&prefix=a/&continuation-token=a/0999", "")
	if n := strings.Count(first, "<Key>"); n != pageSize || !strings.Contains(first, "<NextContinuationToken>a/0999<") {
		t.Errorf("the first page has %d keys: %.300s", n, first)
	}
	if n := strings.Count(second, "<Key>"); n != 2 || !strings.Contains(second, "<IsTruncated>false<") {
		t.Errorf("the second page: %s", second)
	}
}
