package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"hydrant/gateway/ingest"
)

// checker holds a call against the model: types first, of which one that is wrong ends the call, then every constraint.
type checker struct {
	model  *model
	faults []string // the first maxFaults
	found  int      // how many there are
}

// maxFaults is how many broken constraints are told in full. A body may break hundreds of thousands.
const maxFaults = 50

// decode reads a call's body into one of the SDK's inputs: known members only, by their exact names, each as the model
// wants it. Errors are what AWS answers: a wrong type is a SerializationException, broken constraints are told all at
// once in one ValidationException.
func decode(operation string, body []byte, into any) error {
	c := checker{model: firehoseModel()}
	value, err := parse(body)
	if err != nil {
		return err
	}
	known, err := c.value(c.model.Operations[operation], "", value)
	if err != nil {
		return err
	}
	if c.found > 0 {
		return c.invalid()
	}
	text, err := json.Marshal(known)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		return &ingest.Error{Code: ingest.InvalidJSON, Detail: "the call cannot be read: " + err.Error()}
	}
	return nil
}

func parse(body []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, ingest.NotJSON(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, &ingest.Error{Code: ingest.InvalidJSON, Detail: "the body goes on after its JSON object"}
	}
	return value, nil
}

// invalid tells what is wrong.
func (c *checker) invalid() error {
	detail := fmt.Sprintf("%d validation errors detected: %s", c.found, strings.Join(c.faults, "; "))
	if c.found == 1 {
		detail = "1 validation error detected: " + c.faults[0]
	}
	if more := c.found - len(c.faults); more > 0 {
		detail += fmt.Sprintf("; and %d more", more)
	}
	return &ingest.Error{Code: ingest.Validation, Detail: detail}
}

func (c *checker) fail(path, format string, values ...any) {
	if c.found++; c.found > maxFaults {
		return
	}
	c.faults = append(c.faults, "Value at '"+path+"' failed to satisfy constraint: Member must "+fmt.Sprintf(format, values...))
}

// value returns what the SDK's type takes for a value of the shape.
func (c *checker) value(name, path string, value any) (any, error) {
	s := c.model.Shapes[name]
	switch v := value.(type) {
	case map[string]any:
		switch s.Type {
		case "structure":
			return c.structure(s, path, v)
		case "map":
			return c.table(s, path, v)
		}
	case []any:
		if s.Type == "list" {
			return c.list(s, path, v)
		}
	case string:
		if s.Type == "string" {
			c.text(s, path, v)
			return v, nil
		}
	case json.Number:
		return c.number(s, path, v)
	case bool:
		if s.Type == "boolean" {
			return v, nil
		}
	}
	return nil, mistyped(s, path)
}

func mistyped(s *shape, path string) error {
	what := map[string]string{
		"structure": "an object", "map": "an object", "list": "an array", "string": "a string", "boolean": "a boolean",
		"integer": "a whole number", "double": "a number", "timestamp": "a number of seconds",
	}[s.Type]
	if path == "" {
		path = "the body"
	}
	return &ingest.Error{Code: ingest.InvalidJSON, Detail: path + " must be " + what}
}

func (c *checker) structure(s *shape, path string, members map[string]any) (any, error) {
	for _, name := range s.Required {
		if members[name] == nil {
			c.fail(join(path, lowerFirst(name)), "not be null")
		}
	}
	known := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(s.Members)) {
		if members[name] == nil { // absent, or null, which is the same
			continue
		}
		v, err := c.value(s.Members[name], join(path, lowerFirst(name)), members[name])
		if err != nil {
			return nil, err
		}
		known[name] = v
	}
	return known, nil
}

func (c *checker) list(s *shape, path string, elements []any) (any, error) {
	c.length(s, path, len(elements))
	if s.Max != nil && len(elements) > int(*s.Max) {
		return elements, nil // refused: of what more there is nothing need be said
	}
	known := make([]any, len(elements))
	for i, element := range elements {
		at := path + "." + strconv.Itoa(i+1) + ".member"
		if element == nil {
			c.fail(at, "not be null")
			continue
		}
		v, err := c.value(s.Member, at, element)
		if err != nil {
			return nil, err
		}
		known[i] = v
	}
	return known, nil
}

func (c *checker) table(s *shape, path string, entries map[string]any) (any, error) {
	known := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		c.text(c.model.Shapes[s.Key], path+".key", key)
		if entries[key] == nil {
			continue
		}
		v, err := c.value(s.Value, path+".value", entries[key])
		if err != nil {
			return nil, err
		}
		known[key] = v
	}
	return known, nil
}

func (c *checker) text(s *shape, path, text string) {
	c.length(s, path, utf8.RuneCountInString(text))
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
		c.fail(path, "satisfy enum value set: [%s]", strings.Join(s.Enum, ", "))
	}
	if s.matches != nil && !s.matches(text) {
		c.fail(path, "satisfy regular expression pattern: %s", s.Pattern)
	}
}

func (c *checker) length(s *shape, path string, length int) {
	if s.Min != nil && length < int(*s.Min) {
		c.fail(path, "have length greater than or equal to %d", int(*s.Min))
	}
	if s.Max != nil && length > int(*s.Max) {
		c.fail(path, "have length less than or equal to %d", int(*s.Max))
	}
}

func (c *checker) number(s *shape, path string, number json.Number) (any, error) {
	value, err := number.Float64()
	if err != nil {
		return nil, mistyped(s, path)
	}
	switch s.Type {
	case "timestamp":
		const latest = 253402300799 // the last second of the year 9999
		if value < 0 || value > latest {
			return nil, mistyped(s, path)
		}
		return time.UnixMilli(int64(value * 1000)).UTC(), nil
	case "integer":
		if _, err := strconv.ParseInt(number.String(), 10, 32); err != nil {
			return nil, mistyped(s, path)
		}
	case "double":
	default:
		return nil, mistyped(s, path)
	}
	if s.Min != nil && value < *s.Min {
		c.fail(path, "have value greater than or equal to %s", plain(*s.Min))
	}
	if s.Max != nil && value > *s.Max {
		c.fail(path, "have value less than or equal to %s", plain(*s.Max))
	}
	return number, nil
}

// lowerFirst is how AWS writes a member in the path of a fault.
func lowerFirst(name string) string {
	r, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(r)) + name[size:]
}

func join(path, member string) string {
	if path == "" {
		return member
	}
	return path + "." + member
}

func plain(number float64) string { return strconv.FormatFloat(number, 'f', -1, 64) }
