//go:build integration

package s3

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"hydrant/bench/s3fault"
	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

// behind opens a new bucket through a proxy, and sends bodies above 5 MiB in parts.
func behind(t *testing.T) (server, *deliverytest.Proxy, *Destination) {
	t.Helper()
	s := start(t)
	direct := s.open(t)
	proxy := deliverytest.StartProxy(t, s.Endpoint)
	d, err := New(t.Context(), stream.S3{Bucket: direct.bucket, Endpoint: proxy.URL, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	d.singlePut, d.partSize = 5<<20, 5<<20
	return s, proxy, d
}

func TestProbeOfARealStore(t *testing.T) {
	s, proxy, d := behind(t)
	if can, err := d.Probe(t.Context()); err != nil || can != (delivery.Conditions{Put: true, Multipart: true}) {
		t.Errorf("Probe = %+v, %v, want both", can, err)
	}
	proxy.Spoil(s3fault.Any, 1, -1, deliverytest.IgnoreConditions(s.S3Server))
	if can, err := d.Probe(t.Context()); err != nil || can != (delivery.Conditions{}) {
		t.Errorf("Probe through a proxy that takes the conditions away = %+v, %v, want none", can, err)
	}
	if listed := s.keys(t, d); len(listed) != 0 {
		t.Errorf("the bucket holds %q after the probes, want nothing", listed)
	}
	if err := d.Create(t.Context(), &example); err != nil {
		t.Errorf("Create without conditions: %v", err)
	}
	if err := d.Create(t.Context(), &example); !errors.Is(err, delivery.ErrExists) {
		t.Errorf("Create over an object without conditions = %v, want ErrExists", err)
	}
}

// Whatever happens to an upload in parts: it is there whole or not at all, and in the end once, and no part is left.
func TestPartsUnderFaults(t *testing.T) {
	for name, spoil := range map[string]func(*deliverytest.Proxy) *s3fault.Rule{
		"the end's answer lost": func(p *deliverytest.Proxy) *s3fault.Rule {
			return p.Spoil(s3fault.Completes, 1, 1, s3fault.LoseAnswer)
		},
		"the end fails in a 200": func(p *deliverytest.Proxy) *s3fault.Rule {
			return p.Spoil(s3fault.Completes, 1, 1, s3fault.ErrorIn200(false))
		},
		"the end succeeds and says it failed": func(p *deliverytest.Proxy) *s3fault.Rule {
			return p.Spoil(s3fault.Completes, 1, 1, s3fault.ErrorIn200(true))
		},
		"a part cut": func(p *deliverytest.Proxy) *s3fault.Rule {
			return p.Spoil(parts, 1, 1, s3fault.ResetMidBody)
		},
		"a part refused": func(p *deliverytest.Proxy) *s3fault.Rule {
			return p.Spoil(parts, 1, 1, s3fault.Answer(503, "SlowDown"))
		},
		"parts left behind": func(p *deliverytest.Proxy) *s3fault.Rule {
			p.Spoil(aborts, 1, 1, s3fault.Answer(500, "InternalError"))
			return p.Spoil(s3fault.Completes, 1, 1, s3fault.Answer(500, "InternalError"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, proxy, d := behind(t)
			foreign := s.beginForeign(t, d, example.Key+"2")
			var conditions sync.Map
			proxy.Spoil(func(r *http.Request) bool {
				if s3fault.Completes(r) {
					conditions.Store(r.Header.Get("If-None-Match"), true)
				}
				return false
			}, 1, -1, nil)
			rule := spoil(proxy)
			o := example
			o.Body = delivery.Body{bytes.Repeat([]byte("x"), 12<<20)}
			err := d.Create(t.Context(), &o)
			var trouble *delivery.Error
			if !errors.As(err, &trouble) || rule.Hits() != 1 {
				t.Errorf("Create = %v after %d faults, want a *delivery.Error after 1", err, rule.Hits())
			}
			if err := d.Create(t.Context(), &o); err != nil && !errors.Is(err, delivery.ErrExists) {
				t.Errorf("Create again = %v", err)
			}
			if got, err := d.Stat(t.Context(), o.Key); err != nil || got != o.Metadata {
				t.Errorf("Stat = %+v, %v", got, err)
			}
			for path, times := range proxy.Stored() {
				if times != 1 {
					t.Errorf("%s was stored %d times", path, times)
				}
			}
			if uploads := s.uploads(t, d); len(uploads) != 1 || uploads[0] != foreign {
				t.Errorf("unfinished uploads are %q, want somebody else's alone, %q", uploads, foreign)
			}
			conditions.Range(func(value, _ any) bool {
				if value != "*" {
					t.Errorf("an upload's end carried If-None-Match %q", value)
				}
				return true
			})
		})
	}
}

func parts(r *http.Request) bool {
	return r.Method == http.MethodPut && r.URL.Query().Has("partNumber")
}

func aborts(r *http.Request) bool { return r.Method == http.MethodDelete }

// beginForeign begins somebody else's upload.
func (s server) beginForeign(t *testing.T, d *Destination, key string) string {
	t.Helper()
	upload, err := d.client.CreateMultipartUpload(t.Context(), &sdk.CreateMultipartUploadInput{Bucket: &d.bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	return *upload.UploadId
}

func (s server) uploads(t *testing.T, d *Destination) (ids []string) {
	t.Helper()
	output, err := d.client.ListMultipartUploads(t.Context(), &sdk.ListMultipartUploadsInput{Bucket: &d.bucket})
	if err != nil {
		t.Fatal(err)
	}
	for _, upload := range output.Uploads {
		ids = append(ids, aws.ToString(upload.UploadId))
	}
	return ids
}

func (s server) keys(t *testing.T, d *Destination) (keys []string) {
	t.Helper()
	output, err := d.client.ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: &d.bucket})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range output.Contents {
		if !strings.HasSuffix(*o.Key, "/") {
			keys = append(keys, *o.Key)
		}
	}
	return keys
}

// The whole contract also holds for bodies in parts.
func TestS3InParts(t *testing.T) {
	server := start(t)
	deliverytest.Run(t, func(t *testing.T) delivery.Destination {
		d := server.open(t)
		d.singlePut, d.partSize = 0, 5<<20
		return d
	})
}
