// Package jq evaluates jq queries over records within hard bounds. What a query gives for a record, an error included, is
// a function of the two alone: its work is counted, in steps of the interpreter and in the sizes of the values that its
// functions take, and no clock cuts it off. The language is that of jq 1.6, less what reads anything but the record;
// docs/processing.md lists the differences.
package jq

import (
	"errors"
	"fmt"
	"strings"

	"github.com/itchyny/gojq"
)

// The bounds.
const (
	MaxQuery = 6 << 10 // bytes of a query, a little above what Firehose takes of a processor's parameter
	MaxInput = 4 << 20 // bytes of a record
	MaxWork  = 1 << 20 // units, see meter

	maxNesting = 200 // of a query's expressions
)

// Query is a compiled query. It is for one goroutine.
type Query struct {
	source string
	code   *gojq.Code
	meter  *meter
}

// LimitError says that a query was cut off at its bound for a record.
type LimitError struct{}

func (*LimitError) Error() string {
	return fmt.Sprintf("takes more work than a query may do for one record (%d units)", MaxWork)
}

// Compile compiles a query. The error says what is wrong, with its position, or what is not supported and why.
func Compile(source string) (*Query, error) {
	parsed, err := parse(source)
	if err != nil {
		return nil, err
	}
	m := newMeter()
	r := rewriter{}
	bounded, err := r.whole(parsed)
	if err != nil {
		return nil, fmt.Errorf("the query %s: %w", source, err)
	}
	code, err := gojq.Compile(bounded, m.functions()...)
	if err != nil {
		return nil, fmt.Errorf("the query %s: %w", source, err)
	}
	return &Query{source: source, code: code, meter: m}, nil
}

func parse(source string) (*gojq.Query, error) {
	if size := len(source); size > MaxQuery {
		return nil, fmt.Errorf("the query has %d bytes; the limit is %d", size, MaxQuery)
	}
	if strings.TrimSpace(source) == "" {
		return nil, errors.New("the query is empty")
	}
	parsed, err := gojq.Parse(source)
	var fault *gojq.ParseError
	switch {
	case errors.As(err, &fault) && fault.Token != "":
		return nil, fmt.Errorf("the query %s, position %d: %q cannot stand here", source, max(fault.Offset-len(fault.Token), 0)+1, fault.Token)
	case err != nil:
		return nil, fmt.Errorf("the query %s: %w", source, err)
	}
	return parsed, nil
}

// String is the query as it was written.
func (q *Query) String() string { return q.source }

// Run returns the one value that the query gives for a value that Decode made, which it does not change. Errors, whose
// texts go on after the query's name, are the query's own, *LimitError, and one for a query that gives none or several.
func (q *Query) Run(value any) (any, error) {
	slots <- struct{}{}
	defer func() { <-slots }()
	q.meter.reset()
	results := q.code.RunWithContext(q.meter, value)
	first, err := q.next(results)
	if err != nil {
		return nil, err
	}
	if _, err := q.next(results); err == nil {
		return nil, errors.New("gives more than one value")
	} else if !errors.Is(err, errNoValue) {
		return nil, err
	}
	return first, nil
}

var errNoValue = errors.New("gives no value")

func (q *Query) next(results gojq.Iter) (any, error) {
	value, ok := results.Next()
	if q.meter.spent() {
		return nil, &LimitError{}
	}
	if !ok {
		return nil, errNoValue
	}
	if err, failed := value.(error); failed {
		return nil, fmt.Errorf("fails: %s", cut(err.Error()))
	}
	return value, nil
}

// cut shortens an error's text to what a line of error output can hold.
func cut(text string) string {
	const longest = 300
	if len(text) <= longest {
		return strings.ToValidUTF8(text, "?")
	}
	return strings.ToValidUTF8(text[:longest], "") + "..."
}
