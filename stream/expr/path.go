package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Path names one value inside a JSON record: the subset of jq that only walks, such as .a.b, ."a b", .a["b"] or .a[0].
// It is immutable.
type Path struct {
	source string
	steps  []step
}

// step goes into an object by name, or into an array by index where that is not negative.
type step struct {
	name  string
	index int
}

const pathForms = `a path is .a.b, ."a b", .a["b"] or .a[0]`

// ParsePath compiles a path. Its first step is a name, because a record is an object.
func ParsePath(source string) (Path, error) {
	if !utf8.ValidString(source) {
		return Path{}, fmt.Errorf("the path %q is not UTF-8", source)
	}
	p := Path{source: source}
	rest := source
	for rest != "" {
		next, tail, err := parseStep(rest)
		if err != nil {
			return Path{}, fmt.Errorf("the path %q, position %d: %w; %s", source, len(source)-len(rest)+1, err, pathForms)
		}
		p.steps, rest = append(p.steps, next), tail
	}
	switch {
	case len(p.steps) == 0:
		return Path{}, errors.New("the path is empty; " + pathForms)
	case source[0] != '.':
		return Path{}, fmt.Errorf("the path %q does not begin with a dot; %s", source, pathForms)
	case p.steps[0].index >= 0:
		return Path{}, fmt.Errorf("the path %q begins with an index, but a record is an object; %s", source, pathForms)
	case len(p.steps) > maxDepth:
		return Path{}, fmt.Errorf("the path has %d steps; the limit is %d", len(p.steps), maxDepth)
	}
	return p, nil
}

// String is the path as it was written.
func (p Path) String() string { return p.source }

// parseStep cuts one step off the front.
func parseStep(source string) (step, string, error) {
	rest := strings.TrimPrefix(source, ".")
	dotted := len(rest) < len(source)
	switch {
	case strings.HasPrefix(rest, "["):
		return parseBrackets(rest[1:])
	case !dotted:
		return step{}, "", fmt.Errorf("%q cannot stand here: only simple paths are supported", first(rest))
	case strings.HasPrefix(rest, `"`):
		return parseQuoted(rest)
	}
	end := 0
	for end < len(rest) && isNameByte(rest[end], end == 0) {
		end++
	}
	if end == 0 {
		return step{}, "", errors.New("a name must follow the dot")
	}
	if end < len(rest) && rest[end] == '-' {
		return step{}, "", fmt.Errorf("'-' is an operator in jq: write the name in double quotes, such as .\"%s-...\"",
			rest[:end])
	}
	return step{name: rest[:end], index: -1}, rest[end:], nil
}

// parseBrackets reads what follows an opening bracket, the closing one included.
func parseBrackets(source string) (step, string, error) {
	inside, rest, err := step{}, source, error(nil)
	if strings.HasPrefix(source, `"`) {
		inside, rest, err = parseQuoted(source)
	} else {
		inside, rest, err = parseIndex(source)
	}
	if err != nil {
		return step{}, "", err
	}
	if !strings.HasPrefix(rest, "]") {
		return step{}, "", errors.New("the bracket is not closed")
	}
	return inside, rest[1:], nil
}

func parseIndex(source string) (step, string, error) {
	end := 0
	for end < len(source) && source[end] >= '0' && source[end] <= '9' {
		end++
	}
	index, err := strconv.ParseInt(source[:end], 10, 32)
	if err != nil {
		return step{}, "", errors.New("brackets hold a name in double quotes or an index from 0 to 2147483647")
	}
	return step{index: int(index)}, source[end:], nil
}

// parseQuoted reads a name in double quotes, with the escapes of JSON.
func parseQuoted(source string) (step, string, error) {
	for end := 1; end < len(source); end++ {
		switch source[end] {
		case '\\':
			end++
		case '"':
			var name string
			if err := json.Unmarshal([]byte(source[:end+1]), &name); err != nil {
				return step{}, "", fmt.Errorf("%s is no JSON string", source[:end+1])
			}
			return step{name: name, index: -1}, source[end+1:], nil
		}
	}
	return step{}, "", errors.New("the double quote is not closed")
}

func isNameByte(c byte, leading bool) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || !leading && c >= '0' && c <= '9'
}

func first(s string) string {
	_, size := utf8.DecodeRuneInString(s)
	return s[:size]
}
