package bench

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

const dialTimeout = 3 * time.Second

// An answer is what came of one request.
type answer struct {
	parts      []part        // all records of the request, in order; good until the next request
	detail     string        // what the gateway said of a failure
	retryAfter time.Duration // how long the gateway asks to wait; 0 if it did not
}

// A connection carries one producer's requests, one at a time, over one TCP connection that is made again when it
// breaks. It sends each request at most once.
type connection struct {
	client   fasthttp.HostClient
	request  fasthttp.Request
	response fasthttp.Response
	protocol protocol
	timeout  time.Duration
	parts    []part

	authorize authorizer // nil without credentials
	carrier   Carrier    // nil: HTTP, to a gateway
}

// connect prepares a producer's connection; one of HTTP is made by the first request.
func connect(o Options, producer int) (*connection, error) {
	if o.Dial != nil {
		carrier, err := o.Dial(producer)
		return &connection{protocol: newProtocol(o), carrier: carrier}, err
	}
	gateway := o.URL[producer%len(o.URL)]
	u, err := url.Parse(gateway)
	if err != nil {
		return nil, err
	}
	tls := u.Scheme == "https"
	c := &connection{protocol: newProtocol(o), timeout: o.Timeout}
	c.client.Addr = fasthttp.AddMissingPort(u.Host, tls)
	c.client.IsTLS = tls
	c.client.Name = "hydrant-bench"
	c.client.MaxConns = 1
	c.client.MaxIdemponentCallAttempts = 1
	c.client.MaxIdleConnDuration = time.Minute
	c.client.MaxResponseBodySize = 16 << 20
	c.client.DialTimeout = dial
	c.request.Header.SetMethod(http.MethodPost)
	c.protocol.prepare(&c.request, gateway, o.Stream)
	return c, nil
}

func dial(address string, timeout time.Duration) (net.Conn, error) {
	dialer := net.Dialer{Timeout: min(timeout, dialTimeout)}
	return dialer.Dial("tcp", address)
}

func (c *connection) close() {
	if c.carrier != nil {
		c.carrier.Close()
		return
	}
	c.client.CloseIdleConnections()
}

// exchange sends a request and waits for its answer, for the timeout at most. It never fails: that there is no answer is
// an answer too.
func (c *connection) exchange(body []byte, records int) answer {
	if c.carrier != nil {
		return c.carry(body, records)
	}
	c.request.SetBodyRaw(body)
	c.parts = c.parts[:0]
	if err := c.authorized(body); err != nil {
		c.parts = append(c.parts, part{records: records, outcome: refused, failure: "no credentials"})
		return answer{parts: c.parts, detail: err.Error()}
	}
	if err := c.client.DoTimeout(&c.request, &c.response, c.timeout); err != nil {
		outcome, failure := judgeError(err)
		c.parts = append(c.parts, part{records: records, outcome: outcome, failure: failure})
		return answer{parts: c.parts, detail: err.Error()}
	}
	status := c.response.StatusCode()
	if status >= 200 && status < 300 {
		c.parts = c.protocol.judge(c.parts, c.response.Body(), records)
		return answer{parts: c.parts}
	}
	outcome, failure, detail := judgeStatus(status, c.response.Body())
	c.parts = append(c.parts, part{records: records, outcome: outcome, failure: failure})
	return answer{parts: c.parts, detail: detail, retryAfter: parseRetryAfter(c.response.Header.Peek("Retry-After"))}
}

// judgeError says what an error of the transport means. Only a connection that was never made is a definite no: of any
// other the gateway may have had the request.
func judgeError(err error) (outcome, string) {
	var operation *net.OpError
	if errors.As(err, &operation) && operation.Op == "dial" {
		return refused, "no connection"
	}
	switch {
	case errors.Is(err, fasthttp.ErrTimeout), errors.Is(err, context.DeadlineExceeded), operation != nil && operation.Timeout():
		return unknown, "timeout"
	case errors.Is(err, fasthttp.ErrConnectionClosed), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return unknown, "connection closed"
	}
	return unknown, "broken answer"
}

// parseRetryAfter reads a Retry-After header: seconds or a date. It is 0 if it is neither, or past.
func parseRetryAfter(value []byte) time.Duration {
	if seconds, err := strconv.ParseUint(string(value), 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(string(value)); err == nil {
		return max(0, time.Until(date))
	}
	return 0
}
