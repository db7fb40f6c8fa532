package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxInput bounds the input: it is kept in memory.
const maxInput = 256 << 20

// readInput reads JSON values: the elements of a file's arrays, and any other value as it is. So both a JSON array and
// NDJSON can be read.
func readInput(paths []string) ([][]byte, error) {
	var values [][]byte
	left := int64(maxInput)
	for _, path := range paths {
		found, size, err := readValues(path, left)
		if err != nil {
			return nil, fmt.Errorf("input: %w", err)
		}
		left -= size
		values = append(values, found...)
	}
	if len(paths) > 0 && len(values) == 0 {
		return nil, errors.New("input: there is no record in it")
	}
	return values, nil
}

// readValues also returns the size of the file.
func readValues(path string, limit int64) ([][]byte, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	bounded := &io.LimitedReader{R: f, N: limit + 1}
	decoder := json.NewDecoder(bounded)
	var values [][]byte
	for {
		found, err := nextValues(decoder)
		switch {
		case bounded.N == 0:
			return nil, 0, fmt.Errorf("%s: all files together are larger than %d bytes", path, maxInput)
		case errors.Is(err, io.EOF):
			return values, limit + 1 - bounded.N, nil
		case err != nil:
			return nil, 0, fmt.Errorf("%s: after byte %d: %w", path, decoder.InputOffset(), err)
		}
		for _, v := range found {
			if len(v) > maxRecordSize-maxEnvelope {
				return nil, 0, fmt.Errorf("%s: a value of %d bytes, of %d at most", path, len(v), maxRecordSize-maxEnvelope)
			}
			values = append(values, v)
		}
	}
}

// nextValues reads the next value, or an array's elements, without white space.
func nextValues(decoder *json.Decoder) ([]json.RawMessage, error) {
	var value json.RawMessage
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, value); err != nil {
		return nil, err
	}
	if value = compact.Bytes(); value[0] != '[' {
		return []json.RawMessage{value}, nil
	}
	var elements []json.RawMessage
	err := json.Unmarshal(value, &elements)
	return elements, err
}
