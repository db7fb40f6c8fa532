package gateway

import (
	"slices"
	"testing"
	"time"
)

const typedNDJSON = "Content-Type: " + ndjson

// sized is the beginning of a request with three bytes of body and a header that somebody in front may read otherwise.
func sized(header string) string {
	return head("POST", clicksURL, typedNDJSON, header, "Content-Length: 3") + "abc"
}

func inChunks(chunks string) string {
	return head("POST", clicksURL, typedNDJSON, "Transfer-Encoding: chunked") + chunks
}

// Where a request ends must be beyond doubt, or a proxy in front sees other requests on the connection than this server:
// what leaves a doubt is refused, stores nothing, and nothing behind it is read.
func TestDoubtfulFramingIsRefused(t *testing.T) {
	f := start(t, &fakeLog{})
	for name, sent := range map[string]string{
		"one length twice":            sized("Content-Length: 3"),
		"a shorter length first":      sized("Content-Length: 0"),
		"list of lengths":             head("POST", clicksURL, typedNDJSON, "Content-Length: 3, 3") + "abc",
		"no number":                   head("POST", clicksURL, typedNDJSON, "Content-Length:"),
		"hexadecimal length":          head("POST", clicksURL, typedNDJSON, "Content-Length: 0x3") + "abc",
		"length with a blank":         head("POST", clicksURL, typedNDJSON, "Content-Length: 3 3") + "abc",
		"length behind a line feed":   sized("X: a\nContent-Length: 99"),
		"coding behind a line feed":   sized("X: a\nTransfer-Encoding: chunked"),
		"length behind a return":      sized("X: a\rContent-Length: 99"),
		"NUL in a name":               sized("Content-Length\x00: 99"),
		"header without a colon":      sized("Transfer-Encoding chunked"),
		"blank before the colon":      sized("Transfer-Encoding : chunked"),
		"coding on a folded line":     sized("Transfer-Encoding:\r\n chunked"),
		"coding with a vertical tab":  sized("Transfer-Encoding: \x0bchunked"),
		"coding in quotes":            sized(`Transfer-Encoding: "chunked"`),
		"empty coding":                sized("Transfer-Encoding:"),
		"unknown coding":              head("POST", clicksURL, typedNDJSON, "Transfer-Encoding: xchunked") + chunked("abc", 3),
		"chunked is not the last":     head("POST", clicksURL, typedNDJSON, "Transfer-Encoding: chunked, identity") + chunked("abc", 3),
		"coding twice":                head("POST", clicksURL, typedNDJSON, "Transfer-Encoding: chunked", "transfer-encoding: chunked") + chunked("abc", 3),
		"two codings":                 head("POST", clicksURL, typedNDJSON, "Transfer-Encoding: chunked", "Transfer-Encoding: identity") + chunked("abc", 3),
		"chunks in HTTP/1.0":          "POST " + clicksURL + " HTTP/1.0\r\n" + typedNDJSON + "\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked("abc", 3),
		"first header is folded":      "POST " + clicksURL + " HTTP/1.1\r\n Transfer-Encoding: chunked\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
		"words behind the version":    "POST " + clicksURL + " HTTP/1.1 x\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
		"two hosts":                   sized("Host: other"),
		"no host":                     "POST " + clicksURL + " HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
		"size ends in a line feed":    inChunks("3\nabc\r\n0\r\n\r\n"),
		"size ends in a return":       inChunks("3\rabc\r\n0\r\n\r\n"),
		"chunk ends in a line feed":   inChunks("3\r\nabc\n0\r\n\r\n"),
		"body ends in line feeds":     inChunks("3\r\nabc\r\n0\n\n"),
		"size with a prefix":          inChunks("0x3\r\nabc\r\n0\r\n\r\n"),
		"size with a sign":            inChunks("+3\r\nabc\r\n0\r\n\r\n"),
		"negative size":               inChunks("-3\r\nabc\r\n0\r\n\r\n"),
		"size of 65 bits":             inChunks("10000000000000003\r\nabc\r\n0\r\n\r\n"),
		"size of 64 bits":             inChunks("fffffffffffffffd\r\nabc\r\n0\r\n\r\n"),
		"blank before the size":       inChunks(" 3\r\nabc\r\n0\r\n\r\n"),
		"length in the trailers":      inChunks("3\r\nabc\r\n0\r\nContent-Length: 99\r\n\r\n"),
		"coding in the trailers":      inChunks("3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"),
		"no body, but the next begun": head("POST", clicksURL, typedNDJSON, "Transfer-Encoding: chunked"),
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			c := f.dial()
			c.send(sent, post(clicksURL, ndjson, "smuggled"))
			if got := c.receive(); asProblem(t, got).Status != 400 || !got.Close {
				t.Errorf("got %d %s, close %v, want 400 and close", got.StatusCode, got.body, got.Close)
			}
			c.closed()
			if records := f.log.stored(); records != nil {
				t.Errorf("stored %q, want nothing", records)
			}
		})
	}
	f.t = t
}

// What is unusual and yet clear is read in the one way that it can be, and so is the request behind it.
func TestUnusualFramingIsRead(t *testing.T) {
	f := start(t, &fakeLog{})
	for name, sent := range map[string]string{
		"lines end in line feeds": "POST " + clicksURL + " HTTP/1.1\nHost: h\n" + typedNDJSON + "\nContent-Length: 3\n\nabc",
		"another header's name":   sized("Content_Length: 99"),
		"folded value":            sized("X: a\r\n Content-Length: 99"),
		"coding in capitals":      head("POST", clicksURL, typedNDJSON, "TRANSFER-ENCODING:\tCHUNKED") + chunked("abc", 3),
		"chunk with an extension": inChunks("3;a=b\r\nabc\r\n0\r\n\r\n"),
		"open quotes in one":      inChunks("3;a=\"\r\nabc\r\n0\r\n\r\n"),
		"blanks behind the size":  inChunks("3  \r\nabc\r\n0\r\n\r\n"),
		"trailers":                inChunks("3\r\nabc\r\n0\r\nX: y\r\n\r\n"),
		"target with a host":      "POST http://x" + clicksURL + " HTTP/1.1\r\nHost: h\r\n" + typedNDJSON + "\r\nContent-Length: 3\r\n\r\nabc",
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			c := f.dial()
			c.send(sent, post(clicksURL, ndjson, "next"))
			for range 2 {
				if got := c.receive(); got.StatusCode != 200 || got.Close {
					t.Errorf("got %d %s, close %v, want 200 and an open connection", got.StatusCode, got.body, got.Close)
				}
			}
			if got, want := f.log.stored(), []string{"abc", "next"}; !slices.Equal(got, want) {
				t.Errorf("stored %q, want %q", got, want)
			}
		})
	}
	f.t = t
}

// A client that sends a byte now and then does not hold its connection for longer than one that sends nothing.
func TestTricklingRequestsTimeOut(t *testing.T) {
	f := start(t, &fakeLog{}, func(c *Config) { c.ReadTimeout = 200 * time.Millisecond })
	for name, x := range map[string]struct{ begin, more string }{
		"header":     {"POST " + clicksURL + " HTTP/1.1\r\nHost: hydrant\r\nX: ", "x"},
		"sized body": {head("POST", clicksURL, typedNDJSON, "Content-Length: 200000") + "x", "x"},
		"chunks":     {inChunks(""), "1\r\nx\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			c, stop, stopped := f.dial(), make(chan struct{}), make(chan struct{})
			c.send(x.begin)
			go func() {
				defer close(stopped)
				tick := time.NewTicker(10 * time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case <-stop:
						return
					case <-tick.C:
						if _, err := c.Write([]byte(x.more)); err != nil {
							return
						}
					}
				}
			}()
			// Closed with an answer, or without one where nothing had arrived in time.
			if _, err := c.reader.Peek(1); err == nil {
				if got := c.receive(); got.StatusCode != 408 || !got.Close {
					t.Errorf("got %d %s, close %v, want 408 and close", got.StatusCode, got.body, got.Close)
				}
			} else if isTimeout(err) {
				t.Error("the connection is held open")
			}
			close(stop)
			<-stopped
			if records := f.log.stored(); records != nil {
				t.Errorf("stored %q, want nothing", records)
			}
		})
	}
	f.t = t
}

func isTimeout(err error) bool {
	timeout, ok := err.(interface{ Timeout() bool })
	return ok && timeout.Timeout()
}
