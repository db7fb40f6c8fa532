package expr

import (
	"bytes"
	"cmp"
	"fmt"
)

// Extractor takes the values of several paths out of JSON records, all in one pass that also checks the whole record.
// It is for one goroutine.
//
// Where a field is there twice the last one counts, whole, as in jq. A string's value is its text without escapes; the
// value of a number or of a boolean is its JSON as the record has it: 1.0 stays 1.0 and 1e3 stays 1e3, since to change
// them would lose digits of large numbers. Bytes that are not UTF-8 are kept.
type Extractor struct {
	paths  []Path
	root   *node
	found  []found  // for each path
	values [][]byte // for each path, of the last record

	unescaped []byte // values whose string holds an escape
	fieldName []byte // a name that holds an escape
}

// found is what the scan saw where a path leads.
type found struct {
	kind       valueKind
	start, end int // of text and literals
}

type valueKind byte

const (
	missing     valueKind = iota
	unreachable           // a value on the way is neither an object nor an array that the path could go into
	null
	object
	array
	text
	literal // a number, true or false
)

var reasons = [...]string{
	missing:     "is missing",
	unreachable: "is out of reach: a value on the way to it is of another type",
	null:        "is null",
	object:      "is an object",
	array:       "is an array",
	text:        "is an empty string",
}

// SyntaxError says that a record is not the JSON that is wanted: one object, if nothing else is said.
type SyntaxError struct {
	Offset int // of the first byte that cannot be, from 0
	Reason string
	wanted string // empty means oneObject
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("the record is not %s: %s (byte %d)", cmp.Or(e.wanted, oneObject), e.Reason, e.Offset)
}

// ValueError says that a record has no usable value for a path.
type ValueError struct {
	Path   int // its index among the extractor's paths
	Source string
	Reason string // such as "is missing"
}

func (e *ValueError) Error() string { return e.Source + " " + e.Reason }

// NewExtractor returns an extractor for records of at least one path.
func NewExtractor(paths ...Path) *Extractor {
	x := &Extractor{paths: paths, root: &node{}, found: make([]found, len(paths)), values: make([][]byte, len(paths))}
	for index, path := range paths {
		n := x.root
		for _, s := range path.steps {
			n = n.child(s)
		}
		n.paths = append(n.paths, index)
	}
	return x
}

// Extract returns the value of each path, in their order, good until the next call or until the record changes; none is
// empty. Errors: *SyntaxError; *ValueError for the first path without a value.
func (x *Extractor) Extract(record []byte) ([][]byte, error) {
	if end, f := x.scan(record); f != "" {
		return nil, &SyntaxError{Offset: end, Reason: string(f)}
	}
	x.unescaped = reuse(x.unescaped)
	for i, at := range x.found {
		value := record[at.start:at.end]
		switch {
		case at.kind == text && bytes.IndexByte(value, '\\') >= 0:
			start := len(x.unescaped)
			x.unescaped = appendUnescaped(x.unescaped, value)
			value = x.unescaped[start:]
		case at.kind != text && at.kind != literal:
			value = nil
		}
		if len(value) == 0 {
			return nil, &ValueError{Path: i, Source: x.paths[i].source, Reason: reasons[at.kind]}
		}
		x.values[i] = value
	}
	return x.values, nil
}
