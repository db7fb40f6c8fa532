package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/valyala/fasthttp"
	"google.golang.org/protobuf/encoding/protowire"
)

// otlpCarrier sends each body as an export request of OTLP over HTTP, in protobuf, on one connection, by the client that the
// generator has for Hydrant. The body is one log record of bytes, which is the least work for a Collector.
type otlpCarrier struct {
	client   fasthttp.HostClient
	request  fasthttp.Request
	response fasthttp.Response
	message  []byte // scratch
}

func dialOTLP(address string) *otlpCarrier {
	c := new(otlpCarrier)
	c.client.Addr = address
	c.client.MaxConns = 1
	c.client.MaxIdemponentCallAttempts = 1
	c.client.MaxIdleConnDuration = time.Minute
	c.request.Header.SetMethod(http.MethodPost)
	c.request.SetRequestURI("http://" + address + "/v1/logs")
	c.request.Header.SetContentType("application/x-protobuf")
	return c
}

// Carry implements bench.Carrier.
func (c *otlpCarrier) Carry(body []byte) error {
	c.message = appendExport(c.message[:0], body)
	c.request.SetBodyRaw(c.message)
	if err := c.client.DoTimeout(&c.request, &c.response, patience); err != nil {
		return err
	}
	// A request of which records are rejected is answered by 200 too, with their number in a message that is else empty.
	if answer := c.response.Body(); c.response.StatusCode() != http.StatusOK || len(answer) > 2 {
		return fmt.Errorf("%d: %.200q", c.response.StatusCode(), answer)
	}
	return nil
}

// Close implements bench.Carrier.
func (c *otlpCarrier) Close() { c.client.CloseIdleConnections() }

// path are the fields that lead from an ExportLogsServiceRequest to the bytes of a log record's body: resource_logs,
// scope_logs, log_records, body, bytes_value.
var path = []protowire.Number{1, 2, 2, 5, 7}

// appendExport writes an ExportLogsServiceRequest of one log record.
func appendExport(dst, body []byte) []byte {
	var sizes [8]int // of what each field holds
	size := len(body)
	for i := len(path) - 1; i >= 0; i-- {
		sizes[i] = size
		size = protowire.SizeTag(path[i]) + protowire.SizeBytes(size)
	}
	for i, field := range path {
		dst = protowire.AppendTag(dst, field, protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(sizes[i]))
	}
	return append(dst, body...)
}
