package jq

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/itchyny/gojq"
)

// Decode makes a value of a record that is known to be JSON. Numbers keep all their digits.
func Decode(record []byte) (any, error) {
	if size := len(record); size > MaxInput {
		return nil, fmt.Errorf("the record has %d bytes; the limit of a jq query is %d", size, MaxInput)
	}
	decoder := json.NewDecoder(bytes.NewReader(record))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, errors.New("the record cannot be decoded")
	}
	return value, nil
}

// Text is a value as it stands in a key: a string's text, or the JSON of a number or a boolean. Of anything else there
// is none; the error, whose text goes on after the value's name, says what it is.
func Text(value any) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return nil, errors.New("is null")
	case string:
		if v == "" {
			return nil, errors.New("is an empty string")
		}
		return []byte(v), nil
	case []any:
		return nil, errors.New("is an array")
	case map[string]any:
		return nil, errors.New("is an object")
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, errors.New("is no finite number")
		}
	}
	text, err := gojq.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("has no JSON: %w", err)
	}
	return text, nil
}
