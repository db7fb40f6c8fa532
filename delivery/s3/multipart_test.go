package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"hydrant/delivery"
)

// bucket is a store for one key that knows uploads in parts, and answers some requests as a test asks.
type bucket struct {
	mu       sync.Mutex
	requests []string // method and query's kind, in order
	headers  map[string]http.Header
	parts    map[string][]byte
	listed   []string // keys with an unfinished upload
	answer   map[string]http.HandlerFunc
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	kind := kindOf(r)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests = append(b.requests, kind)
	b.headers[kind] = r.Header
	if answer := b.answer[kind]; answer != nil {
		answer(w, r)
		return
	}
	switch kind {
	case "GET":
		answer(w, r, http.StatusNotFound, "NoSuchKey")
	case "head":
		w.WriteHeader(http.StatusNotFound)
	case "list":
		var uploads strings.Builder
		for i, key := range b.listed {
			_, _ = fmt.Fprintf(&uploads, "<Upload><Key>%s</Key><UploadId>old%d</UploadId></Upload>", key, i)
		}
		_, _ = fmt.Fprintf(w, "<ListMultipartUploadsResult>%s</ListMultipartUploadsResult>", uploads.String())
	case "begin":
		_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>")
	case "part":
		b.parts[r.URL.Query().Get("partNumber")] = body
		w.Header().Set("ETag", `"p"`)
	case "complete":
		_, _ = io.WriteString(w, `<CompleteMultipartUploadResult><ETag>"x-2"</ETag></CompleteMultipartUploadResult>`)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

func kindOf(r *http.Request) string {
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodHead:
		return "head"
	case r.Method == http.MethodGet && query.Has("uploads"):
		return "list"
	case r.Method == http.MethodPost && query.Has("uploads"):
		return "begin"
	case r.Method == http.MethodPut && query.Has("partNumber"):
		return "part"
	case r.Method == http.MethodPost:
		return "complete"
	case r.Method == http.MethodDelete && query.Has("uploadId"):
		return "abort " + query.Get("uploadId")
	}
	return r.Method
}

const part = 5 << 20 // S3's smallest

// dialParts returns a destination that sends more than one part in parts, and an object of three.
func dialParts(t *testing.T) (*bucket, *Destination, *delivery.Object) {
	b := &bucket{headers: map[string]http.Header{}, parts: map[string][]byte{}, answer: map[string]http.HandlerFunc{}}
	d := dial(t, b.ServeHTTP)
	d.singlePut, d.partSize = part, part
	o := example
	o.Body = delivery.Body{bytes.Repeat([]byte("a"), part-3), nil, bytes.Repeat([]byte("b"), part+10), []byte("end")}
	return b, d, &o
}

func (b *bucket) has(kind string) bool { return slices.Contains(b.requests, kind) }

func TestPartsOnTheWire(t *testing.T) {
	b, d, o := dialParts(t)
	b.listed = []string{o.Key, o.Key + "2"}
	if err := d.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	whole := slices.Concat(b.parts["1"], b.parts["2"], b.parts["3"])
	if !bytes.Equal(whole, bytes.Join(o.Body, nil)) || len(b.parts) != 3 {
		t.Errorf("%d parts with %d bytes in all, want 3 with the body", len(b.parts), len(whole))
	}
	if got := b.headers["complete"].Get("If-None-Match"); got != "*" {
		t.Errorf("the end carries If-None-Match %q, want *", got)
	}
	if got := b.headers["begin"].Get("X-Amz-Meta-Hydrant-Checksum"); got != o.Metadata.Checksum {
		t.Errorf("the beginning carries the checksum %q", got)
	}
	if got := b.headers["begin"].Get("Content-Encoding"); got != "gzip" {
		t.Errorf("the beginning carries the encoding %q", got)
	}
	if got := b.headers["part"].Get("X-Amz-Content-Sha256"); len(got) != 64 {
		t.Errorf("a part's body is signed as %q, want its SHA-256", got)
	}
	if !b.has("abort old0") || b.has("abort old1") {
		t.Errorf("requests are %q, want our own old upload aborted and no other", b.requests)
	}
}

// A part of a former life that comes after its upload was aborted brings the upload back: it is aborted again.
func TestPartsThatComeLate(t *testing.T) {
	b, d, o := dialParts(t)
	b.listed = []string{o.Key, o.Key + "2"}
	for range 2 {
		if err := d.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		aborted := 0
		for i, kind := range b.requests {
			if kind == "abort old0" {
				aborted = i
			}
		}
		if looked := b.has("list") && aborted > slices.Index(b.requests, "complete"); looked != (len(b.listed) > 0) {
			t.Errorf("requests are %q, with %q unfinished", b.requests, b.listed)
		}
		b.listed, b.requests = nil, nil
	}
}

func TestPartsTroubles(t *testing.T) {
	fail := func(status int, code string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { answer(w, r, status, code) }
	}
	for name, tt := range map[string]struct {
		kind    string
		answer  http.HandlerFunc
		class   delivery.Class
		refused bool
	}{
		"error in a 200":         {"complete", fail(200, "InternalError"), delivery.Transient, false},
		"slow down in a 200":     {"complete", fail(200, "SlowDown"), delivery.Throttled, false},
		"answer lost":            {"complete", func(w http.ResponseWriter, _ *http.Request) { cut(w) }, delivery.Transient, false},
		"conflict under way":     {"complete", fail(409, "ConditionalRequestConflict"), delivery.Transient, false},
		"upload is gone":         {"complete", fail(404, "NoSuchUpload"), delivery.Transient, false},
		"part refused":           {"part", fail(403, "AccessDenied"), delivery.Held, true},
		"part throttled":         {"part", fail(503, "SlowDown"), delivery.Throttled, false},
		"part lost":              {"part", func(w http.ResponseWriter, _ *http.Request) { cut(w) }, delivery.Transient, false},
		"not allowed to begin":   {"begin", fail(403, "AccessDenied"), delivery.Held, true},
		"not allowed to look":    {"head", fail(403, ""), delivery.Held, true},
		"looking is not working": {"head", fail(503, ""), delivery.Throttled, true},
	} {
		t.Run(name, func(t *testing.T) {
			b, d, o := dialParts(t)
			b.answer[tt.kind] = tt.answer
			err := d.Create(t.Context(), o)
			expectTrouble(t, "create", err, tt.class, tt.refused, "")
			if begun := b.has("part"); begun && !b.has("abort u1") {
				t.Errorf("requests are %q: the parts were left", b.requests)
			}
		})
	}
}

func TestPartsFindAnObject(t *testing.T) {
	for _, kind := range []string{"head", "complete"} {
		b, d, o := dialParts(t)
		b.answer[kind] = func(w http.ResponseWriter, r *http.Request) {
			if kind == "complete" {
				answer(w, r, http.StatusPreconditionFailed, "PreconditionFailed")
			}
		}
		if err := d.Create(t.Context(), o); !errors.Is(err, delivery.ErrExists) {
			t.Errorf("found by %s: Create = %v, want ErrExists", kind, err)
		}
		if kind == "head" && b.has("begin") {
			t.Errorf("requests are %q: a body that is there was sent", b.requests)
		}
	}
}

// Parts are aborted also where the node stops in the middle.
func TestPartsAreAbortedAfterTheEnd(t *testing.T) {
	b, d, o := dialParts(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b.answer["complete"] = func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		cut(w)
	}
	err := d.Create(ctx, o)
	expectTrouble(t, "create", err, delivery.Transient, false, "")
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.has("abort u1") {
		t.Errorf("requests are %q: the parts were left", b.requests)
	}
}

// Where the end's condition is ignored, large bodies go in one request, whose condition is not.
func TestNoPartsWithoutTheirCondition(t *testing.T) {
	b, d, o := dialParts(t)
	d.conditions.Store(&delivery.Conditions{Put: true})
	b.answer["PUT"] = func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", `"x"`) }
	if err := d.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if got := b.headers["PUT"].Get("If-None-Match"); got != "*" || len(b.requests) != 1 {
		t.Errorf("requests are %q with If-None-Match %q, want one PUT with the condition", b.requests, got)
	}
}
