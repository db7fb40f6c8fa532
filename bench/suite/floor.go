package suite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"

	"github.com/valyala/fasthttp"

	"hydrant/bench/child"
)

// floorCountPath is where a floor says how many records it was sent.
const floorCountPath = "/.count"

// FloorCommand is `hydrant bench floor`: an HTTP server that reads bodies, does nothing with them, and answers as a node
// does.
type FloorCommand struct {
	Listen string `default:"127.0.0.1:8090" help:"Address to listen on."`
	Batch  int    `default:"500" help:"Records in each request, for the answers' form: the floor does not look."`
}

// Run serves until the context ends.
func (c *FloorCommand) Run(ctx context.Context) error {
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	f := newFloor(c.Batch)
	s := &fasthttp.Server{Handler: f.serve, MaxRequestBodySize: 64 << 20, NoDefaultServerHeader: true, CloseOnShutdown: true}
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		return errors.Join(s.Shutdown(), <-served)
	}
}

// floor answers every request as if its records were stored.
type floor struct {
	batch    int64
	records  atomic.Int64
	native   []byte
	firehose []byte
}

func newFloor(batch int) *floor {
	f := &floor{batch: int64(batch)}
	f.native = fmt.Appendf(nil, `{"records":%d,"sequence":"0/1-%d","duplicate":false}`, batch, batch)
	const id = `{"RecordId":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`
	f.firehose = []byte(`{"RecordId":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","Encrypted":false}`)
	if batch > 1 {
		ids := bytes.Join(repeated([]byte(id), batch), []byte{','})
		f.firehose = fmt.Appendf(nil, `{"FailedPutCount":0,"Encrypted":false,"RequestResponses":[%s]}`, ids)
	}
	return f
}

func repeated(b []byte, n int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		all[i] = b
	}
	return all
}

func (f *floor) serve(rc *fasthttp.RequestCtx) {
	switch {
	case rc.IsGet() && string(rc.Path()) == floorCountPath:
		rc.SetBodyString(strconv.FormatInt(f.records.Load(), 10))
		return
	case len(rc.Request.Header.Peek("X-Amz-Target")) > 0:
		rc.SetContentType("application/x-amz-json-1.1")
		rc.Response.Header.Set("X-Amzn-Requestid", "00000000-0000-4000-8000-000000000000")
		rc.Response.SetBodyRaw(f.firehose)
	default:
		rc.SetContentType("application/json")
		rc.Response.SetBodyRaw(f.native)
	}
	f.records.Add(f.batch)
}

// startFloor runs a floor. The caller stops it.
func (b *bed) startFloor(ctx context.Context, batch int) (s server, url string, err error) {
	address, err := child.FreeAddress()
	if err != nil {
		return s, "", err
	}
	url = "http://" + address
	c, err := b.start(ctx, "floor", nil, "bench", "floor", "--listen", address, "--batch", strconv.Itoa(batch))
	if err != nil {
		return s, "", err
	}
	s = server{process: c, count: func(ctx context.Context) (float64, error) {
		text, err := child.Get(ctx, url+floorCountPath)
		if err != nil {
			return 0, err
		}
		return strconv.ParseFloat(string(text), 64)
	}}
	if err := c.Await(ctx, "it listens", func() bool { return child.Answers(ctx, url+floorCountPath) }); err != nil {
		c.Kill()
		return s, "", err
	}
	return s, url, nil
}

// measureFloor warms a floor of its own up and measures a load on it.
func (b *bed) measureFloor(ctx context.Context, l load) (Side, error) {
	return b.measureFloorAt(ctx, l, 0)
}

// measureFloorAt is measureFloor at so many records a second; 0 is as many as there can be.
func (b *bed) measureFloorAt(ctx context.Context, l load, rate float64) (Side, error) {
	s, url, err := b.startFloor(ctx, l.batch)
	if err != nil {
		return Side{}, err
	}
	defer s.Kill()
	o := b.to(url, l)
	if err := b.warm(ctx, s, o); err != nil {
		return Side{}, err
	}
	o.Rate = rate
	side, _, err := b.measure(ctx, s, o)
	return side, err
}
