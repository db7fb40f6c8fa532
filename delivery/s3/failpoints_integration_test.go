//go:build integration

package s3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"hydrant/bench/s3fault"
	"hydrant/buffer/failpoint"
	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

// The process dies between all steps of an upload in parts, each time that it comes there: nothing half is visible, the
// object's next life stores it once, and no part is left.
func TestEveryFailpointOfAnUploadInParts(t *testing.T) {
	s := start(t)
	points := slices.DeleteFunc(failpoint.Names(), func(name string) bool { return !strings.HasPrefix(name, "s3: ") })
	if len(points) < 5 {
		t.Errorf("only %d points: %q", len(points), points)
	}
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			nth := 1
			for ; s.dieUploading(t, point, nth); nth++ {
			}
			if nth == 1 {
				t.Error("the point was never reached")
			}
			if parts := 3; point == "s3: part stored" && nth-1 != parts {
				t.Errorf("it was reached %d times, want once a part, %d", nth-1, parts)
			}
		})
	}
}

// dieUploading uploads in a process that dies at a point when it comes there for the nth time, and then here, and reports
// whether it died.
func (s server) dieUploading(t *testing.T, point string, nth int) bool {
	t.Helper()
	proxy := deliverytest.StartProxy(t, s.Endpoint)
	d := s.open(t)
	failing := point == "s3: upload failed" || point == "s3: upload aborted"
	if failing {
		proxy.Spoil(s3fault.Completes, 1, 1, s3fault.Answer(500, "InternalError"))
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self)
	child.Env = append(os.Environ(), dieAt+"="+point, fmt.Sprintf("%s=%d", dieAtNth, nth), dieEndpoint+"="+proxy.URL, dieBucket+"="+d.bucket)
	output, err := child.CombinedOutput()
	status, _ := child.ProcessState.Sys().(syscall.WaitStatus)
	died := status.Signaled() && status.Signal() == syscall.SIGKILL
	if err != nil && !died {
		t.Fatalf("the process ended otherwise: %v\n%s", err, output)
	}
	ended := point == "s3: upload ended" || !died && !failing
	if listed := s.keys(t, d); len(listed) > 0 != ended {
		t.Errorf("%d: the bucket lists %q", nth, listed)
	}

	again, err := New(t.Context(), stream.S3{Bucket: d.bucket, Endpoint: proxy.URL, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = again.Close() })
	again.singlePut, again.partSize = part, part
	o := inThreeParts()
	if err := again.Create(t.Context(), o); errors.Is(err, delivery.ErrExists) != ended || err != nil && !ended {
		t.Errorf("%d: Create again = %v", nth, err)
	}
	if got, err := again.Stat(t.Context(), o.Key); err != nil || got != o.Metadata {
		t.Errorf("%d: Stat = %+v, %v", nth, got, err)
	}
	s.wantBody(t, again, o)
	if times := proxy.Stored(); len(times) != 1 {
		t.Errorf("%d: stored were %v", nth, times)
	}
	for path, times := range proxy.Stored() {
		if times != 1 {
			t.Errorf("%d: %s was stored %d times", nth, path, times)
		}
	}
	if uploads := s.uploads(t, d); len(uploads) > 0 {
		t.Errorf("%d: unfinished uploads are left: %q", nth, uploads)
	}
	return died
}

func (s server) wantBody(t *testing.T, d *Destination, o *delivery.Object) {
	t.Helper()
	body, err := d.Open(t.Context(), o.Key)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, bytes.Join(o.Body, nil)) {
		t.Errorf("the object holds %d bytes, or others: %v", len(got), err)
	}
}
