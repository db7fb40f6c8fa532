package s3

import (
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// frozen is the chain's client, by now with the authorities of AWS_CA_BUNDLE, as it is from now on. What it connects to is
// shown to control, if there is one.
func frozen(client aws.HTTPClient, control func(network, address string, c syscall.RawConn) error) aws.HTTPClient {
	buildable, ok := client.(*awshttp.BuildableClient)
	if !ok {
		return client
	}
	return buildable.WithDialerOptions(func(d *net.Dialer) { d.Control = control }).Freeze()
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
