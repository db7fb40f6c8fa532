package gateway

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"hydrant/buffer"
	"hydrant/gateway/ingest"
)

type discardLog struct{}

func (discardLog) Append(_ context.Context, b buffer.Batch) (buffer.Receipt, error) {
	return buffer.Receipt{First: 1, Count: len(b.Records)}, nil
}

// BenchmarkRequest is a request's whole way over loopback, without a log: one connection, closed loop. The client
// allocates nothing, so the allocations are the server's.
func BenchmarkRequest(b *testing.B) {
	line := `{"message":"` + strings.Repeat("x", 1010) + `"}`
	lines := make([]string, 500)
	for i := range lines {
		lines[i] = line
	}
	for _, x := range []struct{ name, request string }{
		{"ndjson/1x512", post(clicksURL, ndjson, line[:512])},
		{"ndjson/500x1024", post(clicksURL, ndjson, strings.Join(lines, "\n"))},
		{"json/500x1024", post(clicksURL, "application/json", "["+strings.Join(lines, ",")+"]")},
		{"ndjson/500x1024 with a key", post(clicksURL, ndjson, strings.Join(lines, "\n"), "Idempotency-Key: k")},
		{"PutRecordBatch/500x1024", putBatch("clicks", lines...)},
	} {
		b.Run(x.name, func(b *testing.B) { benchmarkRequest(b, []byte(x.request)) })
	}
}

func benchmarkRequest(b *testing.B, request []byte) {
	catalog := new(ingest.Catalog)
	catalog.Set([]ingest.Stream{{ID: clicks, Name: "clicks", Accepting: true}})
	server, err := New(Config{Listen: "127.0.0.1:0"}, Deps{Log: discardLog{}, Catalog: catalog})
	if err != nil {
		b.Fatal(err)
	}
	addr, err := server.Listen()
	if err != nil {
		b.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- server.Serve() }()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		b.Fatal(err)
	}
	answer := make([]byte, answerSize(b, c, request))
	b.SetBytes(int64(len(request)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(request); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, answer); err != nil {
			b.Fatal(err)
		}
	}
	_ = c.Close()
	if err := server.Shutdown(context.Background()); err != nil {
		b.Fatal(err)
	}
	<-served
}

// answerSize sends the request once; all answers to it are equally long.
func answerSize(b *testing.B, c net.Conn, request []byte) int64 {
	if _, err := c.Write(request); err != nil {
		b.Fatal(err)
	}
	counted := &countingReader{Reader: c}
	response, err := http.ReadResponse(bufio.NewReader(counted), nil)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
		b.Fatalf("got %d, error %v, want 200", response.StatusCode, err)
	}
	return counted.n
}

type countingReader struct {
	io.Reader
	n int64
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n += int64(n)
	return n, err
}
