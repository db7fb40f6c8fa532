package native

import (
	"bytes"
	"io"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"hydrant/gateway/ingest"
)

// asSent lets through what does not keep a record from being stored byte for byte. Nesting is bounded at 10,000 by
// jsontext itself.
var asSent = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// jsonSplitter reads one body. It is pooled, because a decoder is several allocations.
type jsonSplitter struct {
	body    []byte
	source  bytes.Buffer
	decoder jsontext.Decoder
}

var jsonSplitters = sync.Pool{New: func() any { return new(jsonSplitter) }}

// splitJSON takes an object as one record and an array as one record an element. The whole body is validated, and the
// records are the bytes as sent.
func splitJSON(records [][]byte, body []byte, limit int64) ([][]byte, int64, error) {
	if split, n, ok := scanJSON(records, body, limit); ok {
		return split, n, nil
	}
	return parseJSON(records, body, limit)
}

// parseJSON splits as splitJSON does, and says what is wrong with a body.
func parseJSON(records [][]byte, body []byte, limit int64) ([][]byte, int64, error) {
	s := jsonSplitters.Get().(*jsonSplitter)
	defer jsonSplitters.Put(s)
	s.body, s.source = body, *bytes.NewBuffer(body) // a bytes.Buffer is parsed where it lies
	s.decoder.Reset(&s.source, asSent...)
	switch s.decoder.PeekKind() {
	case '{':
		return s.object(records)
	case '[':
		return s.array(records, limit)
	case '"', '0', 't', 'f', 'n':
		return records, 0, &ingest.Error{
			Code:   ingest.InvalidJSON,
			Detail: "the body is a single JSON value; send an object for one record, or an array with a record in each element",
		}
	}
	_, err := s.decoder.ReadToken()
	if err == io.EOF {
		return records, 0, nil
	}
	return records, 0, ingest.NotJSON(err)
}

func (s *jsonSplitter) object(records [][]byte) ([][]byte, int64, error) {
	record, err := s.value()
	if err != nil {
		return records, 0, err
	}
	return append(records, record), 1, s.end()
}

func (s *jsonSplitter) array(records [][]byte, limit int64) ([][]byte, int64, error) {
	if _, err := s.decoder.ReadToken(); err != nil {
		return records, 0, ingest.NotJSON(err)
	}
	var n int64
	for s.decoder.PeekKind() != ']' {
		record, err := s.value()
		if err != nil {
			return records, n, err
		}
		if n++; n <= limit {
			records = append(records, record)
		}
	}
	if _, err := s.decoder.ReadToken(); err != nil {
		return records, n, ingest.NotJSON(err)
	}
	return records, n, s.end()
}

// value is a view of the body, not of the decoder's buffer, which is only promised until the next call.
func (s *jsonSplitter) value() ([]byte, error) {
	value, err := s.decoder.ReadValue()
	if err != nil {
		return nil, ingest.NotJSON(err)
	}
	end := s.decoder.InputOffset()
	return s.body[end-int64(len(value)) : end : end], nil
}

// end makes sure that nothing follows.
func (s *jsonSplitter) end() error {
	switch _, err := s.decoder.ReadToken(); err {
	case io.EOF:
		return nil
	case nil:
		return &ingest.Error{
			Code:   ingest.InvalidJSON,
			Detail: "the body goes on after its JSON value; send several values as an array, or as application/x-ndjson",
		}
	default:
		return ingest.NotJSON(err)
	}
}
