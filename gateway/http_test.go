package gateway

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hydrant/gateway/ingest"
)

var emptyCatalog = new(ingest.Catalog)

func TestPipelining(t *testing.T) {
	f := start(t, &fakeLog{})
	c := f.dial()
	c.send(
		post(clicksURL, ndjson, "one"),
		post("/v1/streams/none/records", ndjson, "unread"),
		head("POST", clicksURL, "Content-Type: "+ndjson, "Transfer-Encoding: chunked")+chunked("two\nthree", 3),
		putBatch("clicks", "four"),
		request("GET", "/", ""),
		post(clicksURL, ndjson, "five"),
	)
	for i, want := range []int{200, 404, 200, 200, 404, 200} {
		if got := c.receive(); got.StatusCode != want {
			t.Errorf("answer %d: got %d %s, want %d", i+1, got.StatusCode, got.body, want)
		}
	}
	if got, want := f.log.stored(), []string{"one", "two", "three", "four", "five"}; !slices.Equal(got, want) {
		t.Errorf("stored %q, want %q", got, want)
	}
}

func TestExpectContinue(t *testing.T) {
	f := start(t, &fakeLog{})
	c := f.dial()
	c.send(head("POST", clicksURL, "Content-Type: "+ndjson, "Content-Length: 3", "Expect: 100-continue"))
	if got := c.receive(); got.StatusCode != http.StatusContinue {
		t.Fatalf("got %d %s, want 100", got.StatusCode, got.body)
	}
	if got := c.do("abc"); got.StatusCode != 200 {
		t.Errorf("got %d %s, want 200", got.StatusCode, got.body)
	}
	c.send(head("POST", clicksURL, "Content-Type: "+ndjson, "Content-Length: 300001", "Expect: 100-continue"))
	if got := c.receive(); got.StatusCode != http.StatusContinue {
		t.Fatalf("got %d %s, want 100", got.StatusCode, got.body)
	}
	c.closedBySize()
	if got := f.metric("hydrant_refused_requests_total", "body_too_large"); got != 1 {
		t.Errorf("refused bodies: got %v, want 1", got)
	}
}

// closedBySize expects 413 and the end although the body was never sent.
func (c *client) closedBySize() {
	c.t.Helper()
	c.send(strings.Repeat("x", 10_000)) // fasthttp asks the handler once 8 KiB are there
	got := c.receive()
	if p := asProblem(c.t, got); p.Code != "body_too_large" || !got.Close {
		c.t.Errorf("got %d %s, close %v, want body_too_large and close", got.StatusCode, got.body, got.Close)
	}
	c.closed()
}

// A client that sends all of a large body before it reads must still get the answer, and not a reset.
func TestRefusedBodyGetsItsAnswer(t *testing.T) {
	f := start(t, &fakeLog{})
	const size = 32 << 20 // more than the buffers of both sockets hold
	for name, framing := range map[string]string{"sized": "Content-Length: 33554432", "chunked": "Transfer-Encoding: chunked"} {
		c := f.dial()
		c.send(head("POST", clicksURL, "Content-Type: "+ndjson, framing))
		if name == "chunked" {
			c.send("2000000\r\n")
		}
		block := strings.Repeat("x", 1<<20)
		for range size / len(block) {
			c.send(block)
		}
		got := c.receive()
		if p := asProblem(t, got); p.Code != "body_too_large" || !got.Close {
			t.Errorf("%s: got %d %s, want body_too_large", name, got.StatusCode, got.body)
		}
		c.closed()
	}
}

func TestGarbageIsRefused(t *testing.T) {
	f := start(t, &fakeLog{})
	typed := "Content-Type: " + ndjson
	for name, x := range map[string]struct {
		sent   string
		status int
		code   string
	}{
		"no HTTP":                 {"hello\r\n\r\n", 400, "bad_request"},
		"TLS":                     {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "bad_request"},
		"two lengths":             {head("POST", clicksURL, typed, "Content-Length: 1", "Content-Length: 2") + "ab", 400, "bad_request"},
		"signed length":           {head("POST", clicksURL, typed, "Content-Length: +1") + "a", 400, "bad_request"},
		"negative length":         {head("POST", clicksURL, typed, "Content-Length: -1"), 400, "bad_request"},
		"huge length":             {head("POST", clicksURL, typed, "Content-Length: 99999999999999999999"), 400, "bad_request"},
		"length and chunks":       {head("POST", clicksURL, typed, "Content-Length: 3", "Transfer-Encoding: chunked") + chunked("abc", 3), 400, "bad_request"},
		"chunks and length":       {head("POST", clicksURL, typed, "transfer-encoding: chunked", "content-length: 3") + chunked("abc", 3), 400, "bad_request"},
		"length and identity":     {head("POST", clicksURL, typed, "Content-Length: 3", "Transfer-Encoding: identity") + "abc", 400, "bad_request"},
		"unknown coding":          {head("POST", clicksURL, typed, "Transfer-Encoding: gzip, chunked") + chunked("abc", 3), 400, "bad_request"},
		"blank before colon":      {head("POST", clicksURL, typed, "Content-Length : 3") + "abc", 400, "bad_request"},
		"chunk size not a number": {head("POST", clicksURL, typed, "Transfer-Encoding: chunked") + "zz\r\nabc\r\n0\r\n\r\n", 400, "bad_request"},
		"line feed in a chunk":    {head("POST", clicksURL, typed, "Transfer-Encoding: chunked") + "3;a\nb\r\nabc\r\n0\r\n\r\n", 400, "bad_request"},
		"chunk longer than said":  {head("POST", clicksURL, typed, "Transfer-Encoding: chunked") + "3\r\nabcd\r\n0\r\n\r\n", 400, "bad_request"},
		"large headers":           {head("POST", clicksURL, typed, "X: "+strings.Repeat("x", 70_000)), 431, "headers_too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			c := f.dial()
			got := c.do(x.sent)
			if p := asProblem(t, got); p.Status != x.status || p.Code != x.code || !got.Close {
				t.Errorf("got %d %s, close %v, want %d %s and close", got.StatusCode, got.body, got.Close, x.status, x.code)
			}
			c.closed()
			if records := f.log.stored(); records != nil {
				t.Errorf("stored %q, want nothing", records)
			}
		})
	}
	f.t = t
}

// A body cut short by the client is not stored, not even the part that is whole lines.
func TestTruncatedBodiesAreNotStored(t *testing.T) {
	f := start(t, &fakeLog{})
	for _, sent := range []string{
		strings.TrimSuffix(post(clicksURL, ndjson, "one\ntwo\nthree"), "three"),
		head("POST", clicksURL, "Content-Type: "+ndjson, "Transfer-Encoding: chunked") + "4\r\none\n\r\n",
		strings.TrimSuffix(post(clicksURL, ndjson, strings.Repeat("one\n", 5000)), "ne\n"),
	} {
		c := f.dial()
		c.send(sent)
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.ReadAll(c.reader) // an answer or not: nobody is there to read it
		if records := f.log.stored(); records != nil {
			t.Errorf("stored %q of a truncated body, want nothing", records)
		}
	}
}

func TestHTTP10(t *testing.T) {
	f := start(t, &fakeLog{})
	c := f.dial()
	got := c.do(strings.Replace(post(clicksURL, ndjson, "a"), "HTTP/1.1", "HTTP/1.0", 1))
	if got.StatusCode != 200 || !got.Close {
		t.Errorf("got %d %s, close %v, want 200 and close", got.StatusCode, got.body, got.Close)
	}
	c.closed()
	kept := f.dial() // as ab does
	for range 2 {
		got := kept.do(strings.Replace(post(clicksURL, ndjson, "a", "Connection: keep-alive"), "HTTP/1.1", "HTTP/1.0", 1))
		if got.StatusCode != 200 || got.Header.Get("Connection") != "keep-alive" {
			t.Errorf("kept: got %d %v %s, want 200 and keep-alive", got.StatusCode, got.Header, got.body)
		}
	}
}

// Methods and paths that clients and monitors try: HEAD is answered without a body, and what is not served names what is.
func TestOtherMethodsAndPaths(t *testing.T) {
	f := start(t, &fakeLog{})
	for _, x := range []struct {
		method, path string
		status       int
		names        string // in the answer, whose body is empty without
	}{
		{"HEAD", "/v1/openapi.yaml", 200, ""},
		{"POST", "/v1/records.proto", 405, "this is read with GET"},
		{"HEAD", clicksURL, 405, ""},
		{"OPTIONS", clicksURL, 405, "records are sent with POST"},
		{"PUT", clicksURL, 405, "records are sent with POST"},
		{"GET", "/v1/streams/clicks/records", 405, "records are sent with POST"},
		{"POST", clicksURL + "/", 404, "/v1/streams/{stream}/records"},
		{"POST", "/" + clicksURL, 404, "/v1/streams/{stream}/records"},
		{"POST", "/v1/streams/%63licks/records", 404, "%63licks"},
		{"POST", "/v1/streams/a%2Fb/records", 404, "a%2Fb"},
		{"POST", "/v1/streams/x/../clicks/records", 404, "/v1/streams/{stream}/records"},
		{"OPTIONS", "*", 404, "/v1/streams/{stream}/records"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), x.method, "http://"+f.addr, strings.NewReader("a"))
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Opaque = x.path // as it is
		r.Header.Set("Content-Type", ndjson)
		got, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Errorf("%s %s: %v", x.method, x.path, err)
			continue
		}
		body, err := io.ReadAll(got.Body)
		_ = got.Body.Close()
		if err != nil || got.StatusCode != x.status || !strings.Contains(string(body), x.names) || (x.names == "") != (len(body) == 0) {
			t.Errorf("%s %s: got %d %q, %v, want %d", x.method, x.path, got.StatusCode, body, err, x.status)
		}
		allowed := "POST"
		if x.path == "/v1/records.proto" {
			allowed = "GET, HEAD"
		}
		if got.StatusCode == 405 && got.Header.Get("Allow") != allowed {
			t.Errorf("%s %s: got Allow %q, want %q", x.method, x.path, got.Header.Get("Allow"), allowed)
		}
	}
	if stored := f.log.stored(); stored != nil {
		t.Errorf("stored %q", stored)
	}
}

func TestStandardClient(t *testing.T) {
	f := start(t, &fakeLog{})
	client := &http.Client{Transport: new(http.Transport)}
	defer client.CloseIdleConnections()
	for _, x := range []struct {
		body io.Reader
		want int
	}{
		{strings.NewReader("a\nb"), 200},
		{io.MultiReader(strings.NewReader("a\nb")), 200}, // of unknown length, so chunked
		{strings.NewReader(strings.Repeat("x", 2_000_000)), 413},
		{io.MultiReader(strings.NewReader(strings.Repeat("x", 2_000_000))), 413},
		{strings.NewReader("a"), 200},
	} {
		got, err := client.Post("http://"+f.addr+clicksURL, ndjson, x.body)
		if err != nil {
			t.Errorf("want %d, got error %v", x.want, err)
			continue
		}
		_, _ = io.Copy(io.Discard, got.Body)
		_ = got.Body.Close()
		if got.StatusCode != x.want {
			t.Errorf("got %d, want %d", got.StatusCode, x.want)
		}
	}
}

// Whatever bytes arrive, the server goes on serving and reserves nothing for ever; shutDown checks the latter.
func FuzzServer(f *testing.F) {
	for _, seed := range []string{
		"", "GET / HTTP/1.1\r\n\r\n", post(clicksURL, ndjson, "a\nb"), post(clicksURL, "application/json", `[{"a":1}]`), putBatch("clicks", "a"),
		head("POST", clicksURL, "Content-Type: "+ndjson, "Transfer-Encoding: chunked") + chunked("abcdef", 2),
		post(clicksURL, ndjson, "a") + putBatch("clicks", "b") + "GET", head("POST", "/", "Expect: 100-continue", "Content-Length: 9"),
	} {
		f.Add([]byte(seed))
	}
	var server *fixture
	f.Fuzz(func(t *testing.T, sent []byte) {
		if server == nil {
			server = startShared(t)
		}
		c, err := net.Dial("tcp", server.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = c.Write(sent)
		_ = c.(*net.TCPConn).CloseWrite()
		if _, err := io.Copy(io.Discard, c); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%q: the connection hangs", sent)
		}
		if got := server.metric("hydrant_refused_requests_total", string(ingest.Internal)); got != 0 {
			t.Errorf("%q: an internal error", sent)
		}
	})
}
