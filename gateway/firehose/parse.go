package firehose

import (
	"bytes"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"hydrant/gateway/ingest"
)

// parse reads any call: names are case-sensitive, unknown members are ignored, the last of several members of one name
// counts, as in AWS's own services. It works token by token, so its memory does not grow with what a body holds beyond
// the limits. It is the judge of what scan does not recognise, and the source of every error of syntax or type, with which the
// call has its records alone.
func parse(op operation, records [][]byte, scratch, body []byte) (call, error) {
	p := parser{
		op:      op,
		decoder: jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true)),
		scratch: scratch,
		call:    call{records: records, absent: true},
	}
	if err := p.object("the body", p.topMember); err != nil {
		return call{records: p.call.records}, err
	}
	switch _, err := p.decoder.ReadToken(); err {
	case io.EOF:
		return p.call, nil
	case nil:
		return call{records: p.call.records}, &ingest.Error{Code: ingest.InvalidJSON, Detail: "the body goes on after its JSON object"}
	default:
		return call{records: p.call.records}, ingest.NotJSON(err)
	}
}

type parser struct {
	op      operation
	decoder *jsontext.Decoder
	scratch []byte // still free
	call    call
	data    []byte // of the record being read; nil if absent or null
	plain   []byte // the last string, unescaped
}

// object reads an object and hands each member's name to member, which must read its value.
func (p *parser) object(where string, member func(name string) error) error {
	if err := p.expect('{', where, "an object"); err != nil {
		return err
	}
	for p.decoder.PeekKind() != '}' {
		name, err := p.token()
		if err != nil {
			return err
		}
		if err := member(name.String()); err != nil {
			return err
		}
	}
	_, err := p.token()
	return err
}

func (p *parser) topMember(name string) error {
	switch {
	case name == "DeliveryStreamName":
		return p.streamName()
	case name == "Record" && p.op == putRecord:
		return p.single()
	case name == "Records" && p.op == putRecordBatch:
		return p.array()
	}
	return p.skip()
}

func (p *parser) streamName() error {
	p.call.stream = nil
	if p.decoder.PeekKind() == 'n' {
		return p.skip()
	}
	name, err := p.text("DeliveryStreamName")
	if err != nil {
		return err
	}
	p.call.stream = append([]byte{}, name...) // never nil
	return nil
}

func (p *parser) single() error {
	p.reset()
	if p.call.absent = p.decoder.PeekKind() == 'n'; p.call.absent {
		return p.skip()
	}
	return p.record()
}

func (p *parser) array() error {
	p.reset()
	if p.call.absent = p.decoder.PeekKind() == 'n'; p.call.absent {
		return p.skip()
	}
	if err := p.expect('[', "Records", "an array"); err != nil {
		return err
	}
	for p.decoder.PeekKind() != ']' {
		read := p.record
		if p.call.count >= maxRecords {
			read = p.surplus
		}
		if err := read(); err != nil {
			return err
		}
	}
	_, err := p.token()
	return err
}

// reset forgets what an earlier member of the same name gave.
func (p *parser) reset() {
	clear(p.call.records)
	p.call.records, p.call.missing, p.call.count = p.call.records[:0], nil, 0
}

// surplus counts a record beyond the limit; the call is refused, so its type is of no interest.
func (p *parser) surplus() error {
	p.call.count++
	return p.skip()
}

func (p *parser) record() error {
	index := p.call.count
	p.call.count++
	if p.decoder.PeekKind() == 'n' {
		p.call.missing = append(p.call.missing, elementPath(p.op, index))
		return p.skip()
	}
	p.data = nil
	if err := p.object(elementPath(p.op, index), p.recordMember); err != nil {
		return err
	}
	if p.data == nil {
		p.call.missing = append(p.call.missing, dataPath(p.op, index))
		return nil
	}
	p.call.records = append(p.call.records, p.data)
	return nil
}

func (p *parser) recordMember(name string) error {
	if name != "Data" {
		return p.skip()
	}
	p.data = nil
	if p.decoder.PeekKind() == 'n' {
		return p.skip()
	}
	path := dataPath(p.op, p.call.count-1)
	encoded, err := p.text(path)
	if err != nil {
		return err
	}
	data, ok := decodeBase64(p.scratch, encoded)
	if !ok {
		return serialization(path + " is not base64 with the standard alphabet and padding")
	}
	p.scratch = p.scratch[len(encoded)/4*3:]
	p.data = data
	return nil
}

// text reads a string and returns it unescaped, valid until the next call.
func (p *parser) text(where string) ([]byte, error) {
	if kind := p.decoder.PeekKind(); kind != '"' {
		return nil, p.mismatch(kind, where, "a string")
	}
	quoted, err := p.decoder.ReadValue()
	if err == nil {
		p.plain, err = jsontext.AppendUnquote(p.plain[:0], quoted)
	}
	if err != nil {
		return nil, ingest.NotJSON(err)
	}
	return p.plain, nil
}

func (p *parser) expect(want jsontext.Kind, where, what string) error {
	if kind := p.decoder.PeekKind(); kind != want {
		return p.mismatch(kind, where, what)
	}
	_, err := p.token()
	return err
}

// mismatch says that a value has the wrong type, or, where there is no value, what is wrong with the syntax.
func (p *parser) mismatch(got jsontext.Kind, where, what string) error {
	found, isValue := kinds[got]
	if !isValue {
		if _, err := p.token(); err != nil {
			return err
		}
	}
	return serialization(fmt.Sprintf("%s must be %s, not %s", where, what, found))
}

var kinds = map[jsontext.Kind]string{
	'n': "null", 't': "a boolean", 'f': "a boolean", '"': "a string", '0': "a number", '{': "an object", '[': "an array",
}

func (p *parser) token() (jsontext.Token, error) {
	token, err := p.decoder.ReadToken()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return token, ingest.NotJSON(err)
	}
	return token, nil
}

func (p *parser) skip() error {
	if err := p.decoder.SkipValue(); err != nil {
		return ingest.NotJSON(err)
	}
	return nil
}

func serialization(detail string) error {
	return &ingest.Error{Code: ingest.InvalidJSON, Detail: detail}
}
