// Package endpoint calls a function at a URL: the request is posted there, and the answer is the response.
package endpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"hydrant/delivery/outbound"
	"hydrant/delivery/transform"
	"hydrant/stream"
)

// Function implements transform.Invoker.
type Function struct {
	definition stream.HTTPFunction
	client     *http.Client
}

// connectWithin is how long a connection may take to be made. Without it a call's own time would be over first where a network
// drops everything, and the function would be to blame.
const connectWithin = 10 * time.Second

// New returns the function. Nothing is sent yet.
func New(d stream.HTTPFunction) *Function {
	dialer := &net.Dialer{Timeout: connectWithin, Control: outbound.Guard}
	if d.AllowLinkLocal {
		dialer.Control = nil
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil // what a proxy connects to is not looked at
	transport.DialContext = dialer.DialContext
	return &Function{definition: d, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Invoke implements transform.Invoker. Answers of 429, 502, 503 and 504 are trouble on the way, those of 401, 403, 404 and
// of redirects are for the operator; every other one but 2xx says that the function failed.
func (f *Function) Invoke(ctx context.Context, request []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.definition.URL, bytes.NewReader(request))
	if err != nil {
		return nil, &transform.Error{Class: transform.Held, Code: transform.Unreachable, Err: err}
	}
	r.Header.Set("Content-Type", "application/json")
	for name, value := range f.definition.Headers {
		r.Header.Set(name, value)
	}
	response, err := f.client.Do(r)
	if err != nil {
		var sent *url.Error
		if errors.As(err, &sent) { // it has the URL, and a query may hold a secret
			err = fmt.Errorf("call the function: %w", sent.Err)
		}
		class := transform.Unavailable
		if errors.Is(err, outbound.ErrForbidden) {
			class, err = transform.Held, fmt.Errorf("%w: write allow_link_local: true if that is meant", err)
		}
		return nil, &transform.Error{Class: class, Code: transform.Unreachable, Err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, transform.MaxPayload+1))
	if err != nil {
		return nil, &transform.Error{Class: transform.Unavailable, Code: transform.Unreachable, Err: fmt.Errorf("read the answer: %w", err)}
	}
	if len(body) > transform.MaxPayload {
		return nil, &transform.Error{
			Class: transform.Failed, Code: transform.AnswerTooLarge,
			Err: fmt.Errorf("the answer has more than %d bytes", transform.MaxPayload),
		}
	}
	return body, judge(response.StatusCode, body)
}

// judge says what a status means.
func judge(status int, body []byte) error {
	const excerpt = 300
	err := fmt.Errorf("the function answers %d %s: %s", status, http.StatusText(status), strings.TrimSpace(string(body[:min(len(body), excerpt)])))
	switch {
	case status/100 == 2:
		return nil
	case status == http.StatusRequestEntityTooLarge:
		return &transform.Error{Class: transform.Failed, Code: transform.TooLarge, Err: err}
	case status == http.StatusTooManyRequests:
		return &transform.Error{Class: transform.Unavailable, Code: transform.LimitExceeded, Err: err}
	case status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		return &transform.Error{Class: transform.Unavailable, Code: transform.Unreachable, Err: err}
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return &transform.Error{Class: transform.Held, Code: transform.AccessDenied, Err: err}
	case status == http.StatusNotFound, status/100 == 3:
		return &transform.Error{Class: transform.Held, Code: transform.NotFound, Err: err}
	}
	return &transform.Error{Class: transform.Failed, Code: transform.FunctionError, Err: err}
}

// Close lets idle connections go.
func (f *Function) Close() error {
	f.client.CloseIdleConnections()
	return nil
}
