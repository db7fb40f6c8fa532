package s3

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"hydrant/delivery"
	"hydrant/stream"
)

// Who is called at night reads the beginning of a line: what happened, and what to do.
func TestErrorsTellCauseAndAdviceFirst(t *testing.T) {
	refusing := dial(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("x-amz-request-id", "R1")
		w.Header().Set("x-amz-id-2", "H1")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist.</Message></Error>")
	})
	away, err := newDestination(settings(""), stream.S3{Bucket: "lake", Endpoint: "http://127.0.0.1:1", PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		got  error
		want string
	}{
		{refusing.Create(t.Context(), &example), "bucket lake: NoSuchBucket: The specified bucket does not exist: create the bucket or correct its name " +
			"(PutObject, status 404, RequestID: R1, HostID: H1) (create " + example.Key + ")"},
		{away.Create(t.Context(), &example), "bucket lake: dial tcp 127.0.0.1:1: connect: connection refused: is the store running, and the endpoint right? " +
			"(PutObject) (create " + example.Key + ")"},
		{refusing.unanswered("stat", "k", context.DeadlineExceeded), "bucket lake: context deadline exceeded: " +
			"no answer in time: is the store, or the way to it, overloaded? (stat k)"},
	} {
		if fmt.Sprint(tt.got) != tt.want {
			t.Errorf("got  %v\nwant %s", tt.got, tt.want)
		}
	}
}

// A look that fails before an upload in parts keeps the store's code, under which reports and logs file it.
func TestFoundKeepsTheCode(t *testing.T) {
	want := delivery.Error{Op: "create", Key: "k", Class: delivery.Held, Refused: true, Code: "S3.AccessDenied"}
	if got, ok := found(&delivery.Error{Op: "stat", Key: "k", Class: delivery.Held, Code: "S3.AccessDenied"}).(*delivery.Error); !ok || *got != want {
		t.Errorf("found = %+v, want %+v", got, want)
	}
}
