package partitioner

import (
	"encoding/binary"
	"errors"
	"slices"
)

// Outcome is what a step that is no pure function made of one record, as it is journaled: whoever reads it later comes to
// the same outputs, however the step would decide then.
type Outcome struct {
	Result Result
	Data   []byte // the record that goes on, of Passed
	Keys   []Key  // partition keys that the step gave, of Passed

	// Raw is the record as the stream can take it again: of Failed, and of Passed where what comes after may fail.
	Raw []byte

	// What error output says of Failed.

	Kind     string // error output type
	Code     string
	Message  string // valid UTF-8
	Function string // that was called; empty where none was
	Attempts int
	Ended    int64 // of the last attempt, Unix milliseconds
}

// Key is a partition key's value.
type Key struct{ Name, Value string }

// Result says what became of a record.
type Result byte

// The results. Their numbers are on disk.
const (
	Passed  Result = 1
	Dropped Result = 2
	Failed  Result = 3
)

// outcomeFormat is the first byte of an encoded outcome; the result, the keys, the texts and numbers, and the data follow,
// each text with its length before it.
const outcomeFormat = 1

// ErrOutcome says that what was journaled is not what Append wrote.
var ErrOutcome = errors.New("an outcome that was journaled cannot be read")

// Append appends the outcome as it is journaled.
func (o *Outcome) Append(dst []byte) []byte {
	text := func(s string) {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	dst = append(dst, outcomeFormat, byte(o.Result))
	dst = binary.AppendUvarint(dst, uint64(len(o.Keys)))
	for _, k := range o.Keys {
		text(k.Name)
		text(k.Value)
	}
	for _, s := range []string{o.Kind, o.Code, o.Message, o.Function} {
		text(s)
	}
	dst = binary.AppendUvarint(dst, uint64(o.Attempts))
	dst = binary.AppendVarint(dst, o.Ended)
	dst = binary.AppendUvarint(dst, uint64(len(o.Raw)))
	dst = append(dst, o.Raw...)
	return append(dst, o.Data...)
}

// DecodeOutcome reads what Append wrote. Raw and Data are views of it.
func DecodeOutcome(data []byte) (o Outcome, err error) {
	if len(data) < 2 || data[0] != outcomeFormat || Result(data[1]) < Passed || Result(data[1]) > Failed {
		return o, ErrOutcome
	}
	r := outcomeReader{rest: data[2:]}
	o.Result = Result(data[1])
	for n := r.number(); n > 0 && !r.short; n-- {
		o.Keys = append(o.Keys, Key{string(r.text()), string(r.text())})
	}
	for _, s := range []*string{&o.Kind, &o.Code, &o.Message, &o.Function} {
		*s = string(r.text())
	}
	o.Attempts = int(r.number())
	o.Ended = r.signed()
	o.Raw = r.text()
	o.Data = r.rest
	if r.short {
		return Outcome{}, ErrOutcome
	}
	return o, nil
}

// outcomeReader takes an outcome apart; short is set once it asked for more than there is.
type outcomeReader struct {
	rest  []byte
	short bool
}

func (r *outcomeReader) number() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.short = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *outcomeReader) signed() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.short = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *outcomeReader) text() []byte {
	n := r.number()
	if r.short || n > uint64(len(r.rest)) {
		r.short = true
		return nil
	}
	text := r.rest[:n:n]
	r.rest = r.rest[n:]
	return text
}

// value is the value of a key, or an empty text.
func (o *Outcome) value(name string) string {
	if i := slices.IndexFunc(o.Keys, func(k Key) bool { return k.Name == name }); i >= 0 {
		return o.Keys[i].Value
	}
	return ""
}

// Piece is what Split makes of a record: a record that goes on to the function, or the outcome of one that cannot.
type Piece struct {
	Data   []byte // good until the next Split
	Raw    []byte // see Outcome.Raw; good like Data
	Failed *Outcome
}

// Split takes a record apart, up to where the stream's function comes in: as Process does, with the same promises. A
// record that leaves no piece is dropped.
func (p *Partitioner) Split(pieces []Piece, data []byte) []Piece {
	if p.splitter == nil {
		return append(pieces, Piece{Data: data, Raw: data})
	}
	found, refused := p.splitter.split(data)
	if refused != nil {
		return append(pieces, refused.piece(data))
	}
	start, raws := len(pieces), 0
	for i, one := range found {
		raw := p.splitter.raw(data, i)
		if raws += len(raw); len(raw) > maxRaw || raws > maxFailures {
			return append(pieces[:start], refuse(tooManyFailures,
				"one of the records in it is more than %d bytes as it would be kept where it fails, or all of them are more than %d",
				maxRaw, maxFailures).piece(data))
		}
		pieces = append(pieces, Piece{Data: one.data, Raw: raw})
	}
	return pieces
}

// piece is a record that is refused whole.
func (r *refusal) piece(record []byte) Piece {
	return Piece{Failed: &Outcome{Result: Failed, Raw: record, Kind: r.kind, Code: r.code, Message: r.message}}
}

// MayFail reports whether a record that passed the function may yet fail to be partitioned.
func (p *Partitioner) MayFail() bool { return p.keys != nil }

// ProcessOutcome is Process for what a function made of a record: what comes after it, and no more.
func (p *Partitioner) ProcessOutcome(out []Output, arrival int64, journaled []byte) ([]Output, error) {
	if p.evaluated = p.evaluated[:0]; cap(p.evaluated) > maxKept {
		p.evaluated = nil
	}
	o, err := DecodeOutcome(journaled)
	switch {
	case err != nil:
		return out, err
	case o.Result == Dropped:
		return out, nil
	case o.Result == Failed && p.errorPrefix[o.Kind] == nil:
		return out, ErrOutcome
	case o.Result == Passed:
		return append(out, p.place(arrival, o.Data, &o, func() []byte { return o.Raw })), nil
	}
	prefix := p.errorPrefixOf(o.Kind, arrival)
	return append(out, Output{Prefix: prefix, Error: o.Kind, Data: o.line(arrival)}), nil
}

// line is the error output of a record that failed.
func (o *Outcome) line(arrival int64) []byte {
	f := failure{arrival: arrival, code: o.Code, message: o.Message, record: o.Raw, attempts: 1, ended: arrival}
	if o.Function != "" {
		f.function, f.attempts, f.ended = o.Function, o.Attempts, o.Ended
	}
	return f.line()
}
