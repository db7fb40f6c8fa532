package s3

import (
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"testing"
	"time"
)

// A body that nobody reads is given up, and one that somebody does is not, however long it was idle before.
func TestWritesThatDoNotMove(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	if _, err := (movingConn{ours, time.Millisecond}).Write([]byte("lost")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a write that nobody reads ends with %v", err)
	}
	read := make(chan string, 1)
	go func() {
		data := make([]byte, 4)
		_, _ = io.ReadFull(theirs, data)
		read <- string(data)
	}()
	if _, err := (movingConn{ours, time.Hour}).Write([]byte("read")); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != "read" {
		t.Errorf("read %q", got)
	}
}

// Every connection to a store is watched so.
func TestConnectionsAreWatched(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	var got net.Conn
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { got = i.Conn }})
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := frozen(newHTTPClient(), nil).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if c, ok := got.(movingConn); !ok || c.stall != mostStalled {
		t.Errorf("the connection is a %T", got)
	}
}

// What answers in the place of a store may send an error that does not end.
func TestErrorsAreCut(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/error" {
			w.WriteHeader(http.StatusBadGateway)
		}
		_, _ = io.CopyN(w, rand.Reader, longestError+1)
	}))
	t.Cleanup(server.Close)
	for path, want := range map[string]int64{"/error": longestError, "/object": longestError + 1} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := frozen(newHTTPClient(), nil).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, response.Body); n != want || err != nil {
			t.Errorf("%s: %d bytes are read, %v", path, n, err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}
