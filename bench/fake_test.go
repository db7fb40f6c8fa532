package bench

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A fakeGateway speaks both APIs, keeps what it stored, and treats each request as its script says.
type fakeGateway struct {
	*httptest.Server
	script func(number int) treatment

	mu       sync.Mutex
	requests int
	stored   []string // records, without line feeds
}

// A treatment is what the gateway does to one request. The zero value stores its records and says so.
type treatment struct {
	lose   bool // stores nothing
	status int  // 0 means 200
	body   string
	header http.Header
	cut    bool          // closes the connection instead of answering
	hold   chan struct{} // answers only when this is closed
}

func newFakeGateway(t *testing.T, script func(number int) treatment) *fakeGateway {
	g := &fakeGateway{script: script}
	g.Server = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(g.Close)
	return g
}

func (g *fakeGateway) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client went away
	}
	records := decodeRequest(r, body)
	g.mu.Lock()
	do := g.script(g.requests)
	g.requests++
	if !do.lose {
		g.stored = append(g.stored, records...)
	}
	g.mu.Unlock()
	if do.hold != nil {
		<-do.hold
	}
	if do.cut {
		panic(http.ErrAbortHandler) // how net/http cuts a connection
	}
	for name, values := range do.header {
		w.Header()[name] = values
	}
	if do.status != 0 {
		w.WriteHeader(do.status)
	} else if do.body == "" {
		do.body = `{"FailedPutCount":0}`
	}
	_, _ = io.WriteString(w, do.body)
}

// decodeRequest reads a request's records with the standard library; nil if it is none.
func decodeRequest(r *http.Request, body []byte) (records []string) {
	if r.URL.Path == "/v1/streams/demo/records" {
		switch r.Header.Get("Content-Type") {
		case "application/json":
			return []string{string(body)}
		case "application/x-ndjson":
			return slices.Collect(strings.Lines(string(body)))
		}
		return nil
	}
	var request struct {
		DeliveryStreamName string
		Record             struct{ Data []byte }
		Records            []struct{ Data []byte }
	}
	if err := json.Unmarshal(body, &request); err != nil || request.DeliveryStreamName != "demo" {
		return nil
	}
	switch r.Header.Get("X-Amz-Target") {
	case "Firehose_20150804.PutRecord":
		return []string{string(request.Record.Data)}
	case "Firehose_20150804.PutRecordBatch":
		for _, record := range request.Records {
			records = append(records, string(record.Data))
		}
	}
	return records
}

// objects is all that was stored as one object, with a line feed after each record.
func (g *fakeGateway) objects() memory {
	g.mu.Lock()
	defer g.mu.Unlock()
	var object bytes.Buffer
	for _, record := range g.stored {
		object.WriteString(strings.TrimSuffix(record, "\n") + "\n")
	}
	return memory{"all": object.Bytes()}
}
