package partitioner

import (
	"bytes"
	"fmt"

	"github.com/klauspost/compress/gzip"

	"hydrant/stream"
	"hydrant/stream/expr"
)

// The bounds of what one record may become. They are constants: they choose what a record's outputs are.
const (
	maxDecompressed = 32 << 20 // bytes
	maxPieces       = 1 << 16  // records out of one
	maxFailures     = 64 << 20 // bytes of error output
	maxRaw          = 16 << 20 // bytes that are kept of one of the records given to a function: as many as a record has at most
)

// splitter takes a record apart as its stream's processing says. What it returns of a record is good until the next one.
// It is for one goroutine.
type splitter struct {
	processing stream.Processing
	delimiter  []byte

	reader       gzip.Reader
	decompressed bytes.Buffer
	messages     []byte // of all events, one after another
	envelope     envelope
	pieces       []piece
}

// piece is a record that was in another one.
type piece struct {
	data  []byte
	event int // the log event that it came in; -1 for none
}

// refusal says why a record cannot be processed.
type refusal struct {
	kind          string // error output type
	code, message string
}

func refuse(code, format string, values ...any) *refusal {
	return &refusal{ProcessingFailed, code, fmt.Sprintf(format, values...)}
}

// newSplitter returns nil where a record is taken as it is.
func newSplitter(s stream.Stream) *splitter {
	if s.Processing.IsZero() {
		return nil
	}
	p := &splitter{processing: s.Processing}
	if d := s.Processing.Deaggregation; d != nil {
		p.delimiter = []byte(d.Delimiter)
	}
	return p
}

// split returns the pieces of a record, all of them or, with the reason, none. A record without any is dropped.
func (s *splitter) split(record []byte) ([]piece, *refusal) {
	s.pieces = s.pieces[:0]
	if cap(s.pieces) > maxKept/64 {
		s.pieces = nil
	}
	data := record
	if s.processing.Decompression != "" {
		if refused := s.decompress(record); refused != nil {
			return nil, refused
		}
		data = s.decompressed.Bytes()
	}
	if s.processing.CloudWatchLogs == "" {
		return s.pieces, s.deaggregate(data, -1)
	}
	if refused := s.envelope.decode(data); refused != nil {
		return nil, refused
	}
	s.messages = s.messages[:0]
	for i := range s.envelope.LogEvents {
		start := len(s.messages)
		s.messages = append(append(s.messages, *s.envelope.LogEvents[i].Message...), '\n')
		if refused := s.deaggregate(s.messages[start:len(s.messages):len(s.messages)], i); refused != nil {
			return nil, refused
		}
	}
	return s.pieces, nil
}

// deaggregate adds the pieces of what came in one event, or without one.
func (s *splitter) deaggregate(data []byte, event int) *refusal {
	switch d := s.processing.Deaggregation; {
	case d == nil:
		return s.add(data, event)
	case d.Type == stream.DeaggregationDelimited:
		return s.delimited(data, event)
	}
	found := false
	for at := 0; ; found = true {
		start, end, err := expr.NextValue(data, at)
		if err != nil {
			return refuse(notJSON, "%v", err)
		}
		if start == end && !found {
			return refuse(notJSON, "the record holds no JSON object")
		}
		if start == end {
			return nil
		}
		if refused := s.add(data[start:end:end], event); refused != nil {
			return refused
		}
		at = end
	}
}

// delimited adds what stands between delimiters. Nothing between two of them, or behind the last, is no record.
func (s *splitter) delimited(data []byte, event int) *refusal {
	for len(data) > 0 {
		one, rest, _ := bytes.Cut(data, s.delimiter)
		if len(one) > 0 {
			if refused := s.add(one, event); refused != nil {
				return refused
			}
		}
		data = rest
	}
	return nil
}

func (s *splitter) add(data []byte, event int) *refusal {
	if len(s.pieces) == maxPieces {
		return refuse(tooMany, "the record holds more than %d records", maxPieces)
	}
	s.pieces = append(s.pieces, piece{data, event})
	return nil
}

// raw is what gives this one piece of the record again when it is sent to the stream, and none of the others. Where the
// record was in one piece it is the record.
func (s *splitter) raw(record []byte, i int) []byte {
	if len(s.pieces) == 1 {
		return record
	}
	p := s.pieces[i]
	data := p.data
	if p.event >= 0 {
		data = s.envelope.encode(p.event, data)
	}
	if s.processing.Decompression != "" {
		data = storeGzip(data)
	}
	return data
}
