package endpoint_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hydrant/delivery/transform"
	"hydrant/delivery/transform/endpoint"
	"hydrant/stream"
)

func TestInvoke(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		class  transform.Class
		code   string
	}{
		"good":           {200, 0, ""},
		"failed":         {500, transform.Failed, transform.FunctionError},
		"too much":       {413, transform.Failed, transform.TooLarge},
		"throttled":      {429, transform.Unavailable, transform.LimitExceeded},
		"away":           {503, transform.Unavailable, transform.Unreachable},
		"not allowed":    {403, transform.Held, transform.AccessDenied},
		"not there":      {404, transform.Held, transform.NotFound},
		"somewhere else": {302, transform.Held, transform.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if string(body) != "request" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("X-Key") != "k" {
					t.Errorf("%s with %v", body, r.Header)
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, "answer")
			}))
			defer server.Close()
			f := endpoint.New(stream.HTTPFunction{URL: server.URL, Headers: map[string]string{"X-Key": "k"}})
			defer f.Close()
			got, err := f.Invoke(t.Context(), []byte("request"))
			var known *transform.Error
			switch {
			case c.code == "" && (err != nil || string(got) != "answer"):
				t.Errorf("got %q, %v", got, err)
			case c.code != "" && (!errors.As(err, &known) || known.Class != c.class || known.Code != c.code):
				t.Errorf("got %v, want %s", err, c.code)
			}
		})
	}
}

func TestTooLargeAnAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, transform.MaxPayload+1))
	}))
	defer server.Close()
	_, err := endpoint.New(stream.HTTPFunction{URL: server.URL}).Invoke(t.Context(), nil)
	var known *transform.Error
	if !errors.As(err, &known) || known.Code != transform.AnswerTooLarge {
		t.Errorf("got %v", err)
	}
}

// The query of a function's URL may hold a secret: no message has it.
func TestTheQueryIsNotTold(t *testing.T) {
	const nobody = "http://127.0.0.1:1" // a port that no system gives to anybody
	_, err := endpoint.New(stream.HTTPFunction{URL: nobody + "/f?code=s3cret"}).Invoke(t.Context(), nil)
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}

// The credentials that clouds keep at link-local addresses are not for whoever writes a definition.
func TestLinkLocalAddressesAreNotCalled(t *testing.T) {
	for _, url := range []string{"http://169.254.169.254/latest", "http://[fe80::1]/", "http://[::ffff:169.254.169.254]/", "http://[fd00:ec2::254]/"} {
		_, err := endpoint.New(stream.HTTPFunction{URL: url}).Invoke(t.Context(), nil)
		var known *transform.Error
		if !errors.As(err, &known) || known.Class != transform.Held || !strings.Contains(err.Error(), "allow_link_local") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// A function is the one that was named: what it answers leads nowhere else, least of all to where only this machine may look.
func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s was called", r.Method, r.URL)
	}))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{elsewhere.URL, "http://169.254.169.254/latest", "file:///etc/passwd", "//" + elsewhere.Listener.Addr().String()} {
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				calls++
				w.Header().Set("Location", location)
				w.WriteHeader(status)
			}))
			_, err := endpoint.New(stream.HTTPFunction{URL: server.URL, AllowLinkLocal: true}).Invoke(t.Context(), []byte("request"))
			server.Close()
			var known *transform.Error
			if !errors.As(err, &known) || known.Class != transform.Held || calls != 1 {
				t.Errorf("%d to %s: %v after %d calls", status, location, err, calls)
			}
		}
	}
}
