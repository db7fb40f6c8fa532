package gateway

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"hydrant/buffer"
)

func TestNativeStoresRecords(t *testing.T) {
	f := start(t, &fakeLog{})
	c := f.dial()
	for _, x := range []struct {
		contentType, body string
		want              []string
	}{
		{ndjson, "one\ntwo\r\n\n three", []string{"one", "two", " three"}},
		{"application/json", `{"a": 1}`, []string{`{"a": 1}`}},
		{"application/x-protobuf", protobuf([]string{"a", "\x00\xff"}), []string{"a", "\x00\xff"}},
		{"application/octet-stream", "\x00a\n\xff", []string{"\x00a\n\xff"}},
		{"application/json; charset=utf-8", `[{"a": 1}, {"b":2}]`, []string{`{"a": 1}`, `{"b":2}`}},
	} {
		got := c.do(post(clicksURL, x.contentType, x.body))
		if got.StatusCode != 200 || got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Server") != "" {
			t.Errorf("%s: got %d %v %s", x.body, got.StatusCode, got.Header, got.body)
		}
		if got := f.log.stored(); !slices.Equal(got, x.want) {
			t.Errorf("%s: stored %q, want %q", x.body, got, x.want)
		}
	}
	f.log.records = make([]string, 41)
	if got, want := c.do(post(clicksURL, ndjson, "a\nb\n")).body, `{"records":2,"sequence":"0/42-43","duplicate":false}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

const flushURL = "/v1/streams/clicks/flush"

// A flush is answered with what was sealed, or says what it waits for.
func TestNativeFlush(t *testing.T) {
	f := start(t, &fakeLog{})
	c := f.dial()
	if got := c.do(request("POST", flushURL, "")); got.StatusCode != 200 || got.body != `{"objects":2,"records":5}` {
		t.Errorf("got %d %s", got.StatusCode, got.body)
	}
	got := c.do(request("POST", flushURL, ""))
	p := asProblem(t, got)
	if p.Code != "flush_incomplete" || got.Header.Get("Retry-After") != "5" || p.Detail != "not everything could be sealed yet: no such bucket" {
		t.Errorf("got %s", got.body)
	}
}

// problem is what a client may rely on in a refusal.
type problem struct {
	Type, Title, Detail string
	Status              int
	Code                string
	Limit, Size         int64
}

func asProblem(t *testing.T, a answer) problem {
	t.Helper()
	var p problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatalf("%q is not a problem: %v", a.body, err)
	}
	if got, want := a.Header.Get("Content-Type"), "application/problem+json"; got != want {
		t.Errorf("Content-Type: got %s, want %s", got, want)
	}
	if p.Status != a.StatusCode || p.Title == "" || p.Detail == "" || p.Type != "urn:hydrant:problem:"+p.Code {
		t.Errorf("status %d: got an inconsistent problem %s", a.StatusCode, a.body)
	}
	return p
}

type refusal struct {
	name, request string
	status        int
	code          string
	limit, size   int64
	retryAfter    string
	closes        bool // the connection, because too much of the body is left unread
}

var nativeRefusals = []refusal{
	{name: "root", request: request("GET", "/", ""), status: 404, code: "not_found"},
	{name: "post to root", request: post("/", ndjson, "a"), status: 404, code: "not_found"},
	{name: "unknown path", request: post("/v1/streams/clicks", ndjson, "a"), status: 404, code: "not_found"},
	{name: "target under v1", request: post("/v1/", ndjson, "a", "X-Amz-Target: x"), status: 404, code: "not_found"},
	{name: "path cleaned by nobody", request: post("/v1/streams/x/../clicks/records", ndjson, "a"), status: 404, code: "not_found"},
	{name: "get", request: request("GET", clicksURL, ""), status: 405, code: "method_not_allowed"},
	{name: "get a flush", request: request("GET", flushURL, ""), status: 405, code: "method_not_allowed"},
	{name: "flush of an unknown stream", request: request("POST", "/v1/streams/none/flush", ""), status: 404, code: "stream_not_found"},
	{name: "flush of a stream being deleted", request: request("POST", "/v1/streams/closing/flush", ""), status: 503, code: "stream_not_accepting", retryAfter: "5"},
	{name: "put", request: request("PUT", clicksURL, "a"), status: 405, code: "method_not_allowed"},
	{name: "unknown stream", request: post("/v1/streams/none/records", ndjson, "a"), status: 404, code: "stream_not_found"},
	{name: "escaped name", request: post("/v1/streams/click%73/records", ndjson, "a"), status: 404, code: "stream_not_found"},
	{name: "stream being deleted", request: post("/v1/streams/closing/records", ndjson, "a"), status: 503, code: "stream_not_accepting", retryAfter: "5"},
	{name: "no type", request: request("POST", clicksURL, "a"), status: 415, code: "unsupported_media_type"},
	{name: "other type", request: post(clicksURL, "text/plain", "a"), status: 415, code: "unsupported_media_type"},
	{name: "form", request: post(clicksURL, "multipart/form-data; boundary=b", "not a form"), status: 415, code: "unsupported_media_type"},
	{name: "brotli", request: post(clicksURL, ndjson, "a", "Content-Encoding: br"), status: 415, code: "unsupported_encoding"},
	{name: "two encodings", request: post(clicksURL, ndjson, "a", "Content-Encoding: gzip, zstd"), status: 415, code: "unsupported_encoding"},
	{name: "encodings on two lines", request: post(clicksURL, ndjson, gzipped("a"), "Content-Encoding: gzip", "Content-Encoding: identity"), status: 415, code: "unsupported_encoding"},
	{name: "not gzip", request: post(clicksURL, ndjson, "a", "Content-Encoding: gzip"), status: 400, code: "invalid_compression"},
	{name: "not zstd", request: post(clicksURL, ndjson, "a", "Content-Encoding: zstd"), status: 400, code: "invalid_compression"},
	{name: "not snappy", request: post(clicksURL, ndjson, "a", "Content-Encoding: snappy"), status: 400, code: "invalid_compression"},
	{name: "not protobuf", request: post(clicksURL, "application/x-protobuf", "a"), status: 400, code: "invalid_protobuf"},
	{name: "no body", request: post(clicksURL, ndjson, ""), status: 400, code: "empty_body"},
	{name: "no length", request: head("POST", clicksURL, "Content-Type: "+ndjson), status: 400, code: "empty_body"},
	{name: "empty chunked body", request: head("POST", clicksURL, "Content-Type: "+ndjson, "Transfer-Encoding: chunked") + chunked("", 1), status: 400, code: "empty_body"},
	{name: "blank lines", request: post(clicksURL, ndjson, "\r\n\n"), status: 400, code: "empty_body"},
	{name: "empty array", request: post(clicksURL, "application/json", "[ ]"), status: 400, code: "empty_body"},
	{name: "white space", request: post(clicksURL, "application/json", " \n"), status: 400, code: "empty_body"},
	{name: "bad JSON", request: post(clicksURL, "application/json", `{"a":}`), status: 400, code: "invalid_json"},
	{name: "scalar", request: post(clicksURL, "application/json", `17`), status: 400, code: "invalid_json"},
	{name: "record too large", request: post(clicksURL, ndjson, "a\n"+strings.Repeat("x", 1001)), status: 413, code: "record_too_large", limit: 1000, size: 1001},
	{name: "too many lines", request: post(clicksURL, ndjson, strings.Repeat("a\n", 23)), status: 413, code: "too_many_records", limit: 20, size: 23},
	{name: "too many elements", request: post(clicksURL, "application/json", "["+strings.Repeat("1,", 21)+"1]"), status: 413, code: "too_many_records", limit: 20, size: 22},
	{name: "body too large", request: post(clicksURL, ndjson, strings.Repeat("x", 300_001)), status: 413, code: "body_too_large", limit: 300_000, size: 300_001, closes: true},
	{name: "chunked body too large", request: head("POST", clicksURL, "Content-Type: "+ndjson, "Transfer-Encoding: chunked") + chunked(strings.Repeat("x", 300_001), 4096), status: 413, code: "body_too_large", limit: 300_000, size: 300_001, closes: true},
	{name: "refused by its headers, with a large body", request: post(clicksURL, "text/plain", strings.Repeat("x", 70_000)), status: 415, code: "unsupported_media_type", closes: true},
	{name: "refused by its headers, with a chunked body", request: head("POST", clicksURL, "Content-Type: text/plain", "Transfer-Encoding: chunked") + chunked("abc", 1), status: 415, code: "unsupported_media_type", closes: true},
}

// Each refusal says why, stores nothing, is counted, and leaves the connection usable or closes it after the answer.
func TestNativeRefusals(t *testing.T) {
	f := start(t, &fakeLog{})
	for _, r := range nativeRefusals {
		t.Run(r.name, func(t *testing.T) {
			f.t = t
			c := f.dial()
			counted := f.metric("hydrant_refused_requests_total", r.code)
			got := c.do(r.request)
			p := asProblem(t, got)
			if p.Status != r.status || p.Code != r.code || p.Limit != r.limit || p.Size != r.size {
				t.Errorf("got %s, want status %d, code %s, limit %d, size %d", got.body, r.status, r.code, r.limit, r.size)
			}
			if got := got.Header.Get("Retry-After"); got != r.retryAfter {
				t.Errorf("Retry-After: got %q, want %q", got, r.retryAfter)
			}
			if got := f.metric("hydrant_refused_requests_total", r.code) - counted; got != 1 {
				t.Errorf("counted %v refusals, want 1", got)
			}
			if records := f.log.stored(); records != nil {
				t.Errorf("stored %q, want nothing", records)
			}
			checkConnection(t, c, got, r.closes)
			f.log.stored()
		})
	}
	f.t = t
}

func checkConnection(t *testing.T, c *client, last answer, closes bool) {
	t.Helper()
	if last.Close != closes {
		t.Errorf("Connection: close: got %v, want %v", last.Close, closes)
	}
	if closes {
		c.closed()
	} else if got := c.do(post(clicksURL, ndjson, "after")); got.StatusCode != 200 {
		t.Errorf("the next request on the connection: got %d %s, want 200", got.StatusCode, got.body)
	}
	_ = c.Close()
}

func TestBodiesUpToTheLimit(t *testing.T) {
	f := start(t, &fakeLog{})
	c := f.dial()
	const limit = 300_000
	line := strings.Repeat("x", 999) + "\n"
	for _, size := range []int{limit - 1, limit} {
		body := strings.Repeat(line, 20)
		body += strings.Repeat("\n", size-len(body))
		for _, r := range []string{
			post(clicksURL, ndjson, body),
			head("POST", clicksURL, "Content-Type: "+ndjson, "Transfer-Encoding: chunked") + chunked(body, 1<<20),
			head("POST", clicksURL, "Content-Type: "+ndjson, "Transfer-Encoding: chunked") + chunked(body, 777),
		} {
			if got := c.do(r); got.StatusCode != 200 {
				t.Errorf("%d bytes: got %d %s, want 200", size, got.StatusCode, got.body)
			}
			if got := len(f.log.stored()); got != 20 {
				t.Errorf("%d bytes: stored %d records, want 20", size, got)
			}
		}
	}
}

func TestNativeTellsTheLogsErrors(t *testing.T) {
	f := start(t, &fakeLog{})
	c := f.dial()
	for _, x := range []struct {
		err         error
		status      int
		code        string
		limit, size int64
		retryAfter  string
	}{
		{&buffer.FullError{Used: 90, Limit: 100}, 503, "buffer_full", 100, 90, "5"},
		{buffer.ErrClosed, 503, "shutting_down", 0, 0, "1"},
		{buffer.ErrUnknownStream, 404, "stream_not_found", 0, 0, ""},
		{errBroken, 500, "internal", 0, 0, ""},
	} {
		f.log.setError(x.err)
		got := c.do(post(clicksURL, ndjson, "a\nb"))
		p := asProblem(t, got)
		if p.Status != x.status || p.Code != x.code || p.Limit != x.limit || p.Size != x.size || got.Header.Get("Retry-After") != x.retryAfter {
			t.Errorf("%v: got %d %v %s", x.err, got.StatusCode, got.Header, got.body)
		}
		if strings.Contains(got.body, errBroken.Error()) {
			t.Errorf("the cause is told to the client: %s", got.body)
		}
	}
	if got := f.metric("hydrant_throttled_records_total", "clicks"); got != 2 {
		t.Errorf("throttled records: got %v, want 2", got)
	}
}
