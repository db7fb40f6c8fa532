package s3

import (
	"context"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// frozen is the chain's client, by now with the authorities of AWS_CA_BUNDLE, as it is from now on. What it connects to is
// shown to control, if there is one. It gives up what does not move, and reads no error without end.
func frozen(client aws.HTTPClient, control func(network, address string, c syscall.RawConn) error) aws.HTTPClient {
	buildable, ok := client.(*awshttp.BuildableClient)
	if !ok {
		return client
	}
	return brief{buildable.WithDialerOptions(func(d *net.Dialer) { d.Control = control }).WithTransportOptions(func(t *http.Transport) {
		dial := t.DialContext
		t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return movingConn{c, mostStalled}, nil
		}
	}).Freeze()}
}

// longestError is how much is read of an answer that is no success. A store's errors are a few hundred bytes.
const longestError = 1 << 20

// brief cuts answers that are no success: the SDK reads them whole into memory.
type brief struct{ aws.HTTPClient }

func (b brief) Do(r *http.Request) (*http.Response, error) {
	response, err := b.HTTPClient.Do(r)
	if err == nil && response.StatusCode >= http.StatusMultipleChoices {
		response.Body = &rest{io.LimitReader(response.Body, longestError), response.Body}
	}
	return response, err
}

// mostStalled is how long nothing of a body may leave this machine.
const mostStalled = 30 * time.Second

// movingConn tells a store that is gone, or reads nothing, from a way to it that is slow: what does not move for a time fails.
type movingConn struct {
	net.Conn
	stall time.Duration
}

func (c movingConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.stall)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// unkept is the client without connections that wait for another request: a session lasts longer than they would.
func unkept(client aws.HTTPClient) aws.HTTPClient {
	buildable, ok := client.(*awshttp.BuildableClient)
	if !ok {
		return client
	}
	return buildable.WithTransportOptions(func(t *http.Transport) { t.DisableKeepAlives = true })
}

// newHTTPClient returns a client that gives up on peers that are gone. It is the SDK's own kind, so that AWS_CA_BUNDLE
// works. The limits of whole requests are in Destination.patience.
func newHTTPClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) {
			d.Timeout = 5 * time.Second
			d.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 4}
		}).
		WithTransportOptions(func(t *http.Transport) {
			t.TLSHandshakeTimeout = 10 * time.Second
			t.ResponseHeaderTimeout = 30 * time.Second // counts from the body's last byte
			t.IdleConnTimeout = 60 * time.Second
			t.MaxIdleConns = 0 // the next line is the limit: there is one host
			t.MaxIdleConnsPerHost = 64
			t.WriteBufferSize = 64 << 10
			// Uploads are limited by bandwidth and want a connection each, and one that is stuck must not hold up others.
			t.ForceAttemptHTTP2 = false
			t.Protocols = new(http.Protocols)
			t.Protocols.SetHTTP1(true)
		})
}
