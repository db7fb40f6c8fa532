package ingest

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// validJSON refuses records of which one is not a JSON value. Members may be named twice: the record is not changed.
func validJSON(records [][]byte) error {
	for i, record := range records {
		if jsontext.Value(record).IsValid(jsontext.AllowDuplicateNames(true)) {
			continue
		}
		return &Error{
			Code: InvalidRecord,
			Detail: fmt.Sprintf("record %d is not valid JSON, which the stream asks for%s; nothing of the request was stored",
				i+1, jsonFault(record)),
		}
	}
	return nil
}

// jsonFault is where and why a text is not JSON, as the end of a clause.
func jsonFault(text []byte) string {
	decoder := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true))
	_, err := decoder.ReadValue()
	if err == nil {
		return ": more text follows it"
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return fmt.Sprintf(": %v at byte %d", syntax.Err, syntax.ByteOffset)
	}
	return ": it is empty"
}
