package replay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// longestRecord is far above what a node takes, also in base64, in bytes.
const longestRecord = 16 << 20

// A record is one to be sent.
type record struct {
	data []byte
	code string // why it was in the error output; empty for one of a data object
}

// A Form says how an object holds records: Errors or Records.
type Form interface {
	// name tells it from all forms that would number records otherwise.
	name() string
	// next reads a record, which is the caller's. Errors: io.EOF, and what is wrong with the object.
	next(r *bufio.Reader) (record, error)
}

// Errors is the form of error output: a line of JSON for each record, whose original bytes are in rawData.
type Errors struct{}

func (Errors) name() string { return "errors" }

func (Errors) next(r *bufio.Reader) (record, error) {
	line, err := until(r, []byte("\n"))
	if err != nil {
		return record{}, err
	}
	var entry struct {
		RawData   *[]byte `json:"rawData"`
		ErrorCode string  `json:"errorCode"`
	}
	if err := json.Unmarshal(line, &entry); err != nil || entry.RawData == nil {
		return record{}, errors.New("it is no JSON object with rawData in base64, as error output holds: hydrant replay records sends data objects")
	}
	return record{*entry.RawData, entry.ErrorCode}, nil
}

// Records is the form of data objects: records with a delimiter between them or behind each. The delimiter itself is
// not sent: the stream that they go to adds its own.
type Records struct{ Delimiter string }

func (f Records) name() string { return fmt.Sprintf("records delimited by %q", f.Delimiter) }

func (f Records) next(r *bufio.Reader) (record, error) {
	data, err := until(r, []byte(f.Delimiter))
	return record{data: data}, err
}

// until reads what stands before the next delimiter, or before the end.
func until(r *bufio.Reader, delimiter []byte) ([]byte, error) {
	var out []byte
	last := delimiter[len(delimiter)-1]
	for {
		part, err := r.ReadSlice(last)
		out = append(out, part...)
		if err == nil && bytes.HasSuffix(out, delimiter) {
			return out[:len(out)-len(delimiter)], nil
		}
		if errors.Is(err, io.EOF) && len(out) > 0 {
			return out, nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		if len(out) > longestRecord {
			return nil, fmt.Errorf("it has a record of more than %d bytes: is the delimiter right?", longestRecord)
		}
	}
}

// A reader reads an object's records in order, and knows their numbers.
type reader struct {
	form    Form
	source  *bufio.Reader
	number  int64   // of the next record
	pending *record // read, and given back
	err     error
}

func newReader(f Form, plain io.Reader) *reader {
	return &reader{form: f, source: bufio.NewReaderSize(plain, 64<<10)}
}

func (r *reader) next() (record, error) {
	if r.pending != nil {
		one := *r.pending
		r.pending = nil
		r.number++
		return one, nil
	}
	if r.err != nil {
		return record{}, r.err
	}
	one, err := r.form.next(r.source)
	if err != nil {
		if !errors.Is(err, io.EOF) {
			err = fmt.Errorf("record %d: %w", r.number+1, err)
		}
		r.err = err
		return record{}, err
	}
	r.number++
	return one, nil
}

// back gives the record read last back.
func (r *reader) back(one record) {
	r.pending = &one
	r.number--
}

// A batch are records of one object, one behind another.
type batch struct {
	span
	records []record
}

// read returns the records of the span, as many as fit in the limits, at least one. It is empty only where the object ends
// before the span. What is wrong with the object is told once the records before it have been returned.
func (r *reader) read(s span, records int64, size int) (batch, error) {
	for r.number < s.From {
		if _, err := r.next(); errors.Is(err, io.EOF) {
			return batch{}, nil
		} else if err != nil {
			return batch{}, err
		}
	}
	b := batch{span: span{r.number, r.number}}
	for held := 0; r.number < s.To && int64(len(b.records)) < records; {
		one, err := r.next()
		if errors.Is(err, io.EOF) || err != nil && len(b.records) > 0 {
			break
		}
		if err != nil {
			return batch{}, err
		}
		if held += len(one.data); held > size && len(b.records) > 0 {
			r.back(one)
			break
		}
		b.records = append(b.records, one)
	}
	b.To = b.From + int64(len(b.records))
	return b, nil
}

// halves splits a batch of several records.
func (b batch) halves() (first, second batch) {
	middle := len(b.records) / 2
	at := b.From + int64(middle)
	return batch{span{b.From, at}, b.records[:middle]}, batch{span{at, b.To}, b.records[middle:]}
}
