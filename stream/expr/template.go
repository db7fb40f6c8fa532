// Package expr is the grammar of a delivery stream's expressions: the templates of its prefixes and the paths of its
// partition keys. What it compiles is a pure function of the definition, a record and its arrival; nothing here reads a
// clock, and the good path of a record allocates nothing.
package expr

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Template is a compiled prefix: literal text and expressions of the form !{namespace:value}. It is immutable and may
// be shared by many goroutines.
type Template struct {
	parts     []part
	keys      []string
	errorType bool
}

// part is one piece of a template. Timestamp patterns are flattened into it, a field or a text each.
type part struct {
	kind  kind
	text  string // of a literal
	field field  // of a timestamp
	key   int    // index into the template's keys
}

type kind byte

const (
	literalPart kind = iota
	timePart
	keyPart
	errorTypePart
	randomPart
)

const supported = "supported are !{timestamp:PATTERN}, !{partitionKeyFromQuery:KEY}, " +
	"!{partitionKeyFromLambda:KEY}, !{firehose:random-string} and, in " +
	"an error prefix, !{firehose:error-output-type}"

// RandomString stands in an evaluated prefix where a random string goes, and is as long as one. It is not filled in per
// record, since a partition's name must be a function of the record: two records of one partition would never meet. Each
// object of the partition has random strings of its own. No other part of a prefix holds a NUL: values are escaped, and
// literal text with one is refused.
const RandomString = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// Parse compiles a template. The error joins every fault of the source, in order: its Unwrap() []error lists them.
func Parse(source string) (*Template, error) {
	t := &Template{}
	if faults := t.parse(source); len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return t, nil
}

func (t *Template) parse(source string) []error {
	var faults []error
	for rest := source; ; {
		text, after, found := strings.Cut(rest, "!{")
		t.literal(text)
		if !found {
			return faults
		}
		body, tail, closed := strings.Cut(after, "}")
		if !closed {
			position := len(source) - len(after) - len("!{") + 1
			return append(faults, fmt.Errorf("the expression that begins at position %d is not closed: write "+
				"!{namespace:value}; \"!{\" cannot be literal text", position))
		}
		if err := t.expression(body); err != nil {
			faults = append(faults, fmt.Errorf("!{%s}: %w", body, err))
		}
		rest = tail
	}
}

// HasExpression reports whether a prefix holds the start of an expression. One that does is used as it stands; to any
// other Firehose appends the time.
func HasExpression(source string) bool { return strings.Contains(source, "!{") }

// functionKey begins the name of a key whose value is in a function's answer: no name in a configuration holds a NUL.
const functionKey = "\x00"

// FunctionKey returns the name, in a function's answer, of a template's key, if that is where its value comes from.
func FunctionKey(key string) (name string, ok bool) { return strings.CutPrefix(key, functionKey) }

// KeyName is a template's key as its source names it.
func KeyName(key string) string { return strings.TrimPrefix(key, functionKey) }

// Keys are the partition keys that the template uses, each once, in the order of their first use, those of functions as FunctionKey
// knows them. It must not be changed.
func (t *Template) Keys() []string { return t.keys }

// WithKeys returns the template with its keys in the order of names: its Keys are names, and its evaluators take the values
// of all of these. It is nil where the template uses another key.
func (t *Template) WithKeys(names []string) *Template {
	ordered := *t
	ordered.keys, ordered.parts = names, slices.Clone(t.parts)
	for i, p := range ordered.parts {
		if p.kind != keyPart {
			continue
		}
		index := slices.Index(names, t.keys[p.key])
		if index < 0 {
			return nil
		}
		ordered.parts[i].key = index
	}
	return &ordered
}

// ErrorType reports whether the template uses the error output type.
func (t *Template) ErrorType() bool { return t.errorType }

// Uses reports whether a timestamp of the template uses a pattern letter.
func (t *Template) Uses(letter byte) bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return p.kind == timePart && p.field.letter == letter })
}

// namesZones says whether evaluating needs the names of a time zone.
func (t *Template) namesZones() bool { return t.Uses('z') || t.Uses('V') }

// Finest is the length of the finest unit of time in the template: how often the prefix changes by itself. A month
// counts as 28 days, a year as 365. It is 0 for a template without a timestamp.
func (t *Template) Finest() time.Duration {
	var finest time.Duration
	for _, p := range t.parts {
		if p.kind != timePart {
			continue
		}
		if unit := letters[p.field.letter].unit; finest == 0 || unit < finest {
			finest = unit
		}
	}
	return finest
}

func (t *Template) expression(body string) error {
	if strings.Contains(body, "!{") {
		return errors.New("an expression cannot hold another one")
	}
	namespace, value, found := strings.Cut(body, ":")
	if !found || value == "" {
		return errors.New("an expression is !{namespace:value}; " + supported)
	}
	switch {
	case namespace == "timestamp":
		return t.timestamp(value)
	case namespace == "partitionKeyFromQuery":
		t.key(value)
	case namespace == "partitionKeyFromLambda":
		t.key(functionKey + value)
	case namespace == "firehose" && value == "error-output-type":
		t.errorType = true
		t.parts = append(t.parts, part{kind: errorTypePart})
	case namespace == "firehose" && value == "random-string":
		t.parts = append(t.parts, part{kind: randomPart})
	case namespace == "firehose":
		return fmt.Errorf("firehose has no value %q; %s", value, supported)
	default:
		return fmt.Errorf("the namespace %q is not supported; %s", namespace, supported)
	}
	return nil
}

func (t *Template) timestamp(pattern string) error {
	fields, err := parsePattern(pattern)
	for _, f := range fields {
		switch f.letter {
		case 0:
			t.literal(f.text)
		case optionalStart, optionalEnd: // all that is optional is known of a moment
		default:
			t.parts = append(t.parts, part{kind: timePart, field: f})
		}
	}
	return err
}

func (t *Template) key(name string) {
	index := slices.Index(t.keys, name)
	if index < 0 {
		index = len(t.keys)
		t.keys = append(t.keys, name)
	}
	t.parts = append(t.parts, part{kind: keyPart, key: index})
}

func (t *Template) literal(text string) {
	if text != "" {
		t.parts = append(t.parts, part{text: text})
	}
}
