package native

import (
	"bytes"
	"io"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"hydrant/gateway/ingest"
)

// asSent lets through what RFC 8259 allows a receiver to accept and what changes no byte of a record. Nesting is
// bounded at 10,000 by jsontext itself.
var asSent = jsontext.Options(jsontext.AllowDuplicateNames(true))

type jsonSplitter struct {
	source  bytes.Buffer
	decoder jsontext.Decoder
}

var jsonSplitters = sync.Pool{New: func() any { return new(jsonSplitter) }}

// splitJSON takes an object as one record and an array as one record an element. The whole body is validated, and the
// records are the bytes as sent.
func splitJSON(records [][]byte, body []byte, limit int64) ([][]byte, int64, error) {
	s := jsonSplitters.Get().(*jsonSplitter)
	defer jsonSplitters.Put(s)
	// A bytes.Buffer is parsed where it lies, so values are views of the body.
	s.source = *bytes.NewBuffer(body)
	s.decoder.Reset(&s.source, asSent, jsontext.AllowInvalidUTF8(true))
	return split(&s.decoder, records, body, limit)
}

func split(d *jsontext.Decoder, records [][]byte, body []byte, limit int64) ([][]byte, int64, error) {
	var n int64
	kind := d.PeekKind()
	switch kind {
	case '[':
		_, _ = d.ReadToken() // PeekKind has seen it
	case '{':
	case '"', '0', 't', 'f', 'n':
		return records, 0, &ingest.Error{
			Code:   ingest.InvalidJSON,
			Detail: "the body is a single JSON value; send an object for one record, or an array with a record in each element",
		}
	default:
		_, err := d.ReadToken()
		if err == io.EOF {
			return records, 0, nil
		}
		return records, 0, ingest.NotJSON(err)
	}
	for kind == '{' && n == 0 || kind == '[' && d.PeekKind() != ']' {
		value, err := d.ReadValue()
		if err != nil {
			return records, n, ingest.NotJSON(err)
		}
		if n++; n <= limit {
			end := d.InputOffset()
			records = append(records, body[end-int64(len(value)):end:end])
		}
	}
	return records, n, readEnd(d, kind)
}

// readEnd reads what closes the body and makes sure that nothing follows.
func readEnd(d *jsontext.Decoder, kind jsontext.Kind) error {
	if kind == '[' {
		if _, err := d.ReadToken(); err != nil {
			return ingest.NotJSON(err)
		}
	}
	switch _, err := d.ReadToken(); err {
	case io.EOF:
		return nil
	case nil:
		return &ingest.Error{
			Code:   ingest.InvalidJSON,
			Detail: "the body goes on after its JSON value; several values are sent as an array, or as application/x-ndjson",
		}
	default:
		return ingest.NotJSON(err)
	}
}
