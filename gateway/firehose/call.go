package firehose

import (
	"fmt"
	"strings"

	"hydrant/gateway/ingest"
)

// AWS's hard limits on a call, in records and in decoded bytes. The limit on a record is ingest's, which is AWS's by
// default.
const (
	maxRecords = 500
	maxBatch   = 4 << 20
	maxName    = 64
)

// call is a decoded PutRecord or PutRecordBatch. Its bytes lie in the request's body and scratch space.
type call struct {
	stream  []byte   // nil if absent or null
	records [][]byte // at most maxRecords; decoded
	count   int      // of all records, also those beyond maxRecords
	absent  bool     // the member Record or Records is absent or null
	missing []string // paths of elements or data that are absent or null
}

// decode reads the body by the scanner where it has the shape that clients send, else by the complete parser, which
// gives the value or the error. Both decode base64 straight into the scratch space. The request knows of every view, also of
// a call that is refused: they end with it.
func decode(op operation, req *ingest.Request, body []byte) (call, error) {
	scratch, err := req.Scratch(int64(len(body)) / 4 * 3)
	if err != nil {
		return call{}, err
	}
	c, ok := scan(op, req.Records, scratch, body)
	req.Records = c.records
	if ok {
		return c, nil
	}
	clear(c.records)
	c, err = parse(op, c.records[:0], scratch, body)
	req.Records = c.records
	return c, err
}

// validate checks the model's constraints; all that fail are told at once, in AWS's form.
func (c *call) validate(op operation, limits ingest.Limits) error {
	var faults []string
	fail := func(path, constraint string) {
		faults = append(faults, "Value at '"+path+"' failed to satisfy constraint: Member must "+constraint)
	}
	c.validateName(fail)
	c.validateCount(op, fail)
	for _, path := range c.missing {
		fail(path, "not be null")
	}
	for i, record := range c.records {
		if int64(len(record)) > limits.Record {
			fail(dataPath(op, i), fmt.Sprintf("have length less than or equal to %d", limits.Record))
		}
	}
	switch len(faults) {
	case 0:
		return nil
	case 1:
		return invalid("1 validation error detected: " + faults[0])
	}
	return invalid(fmt.Sprintf("%d validation errors detected: %s", len(faults), strings.Join(faults, "; ")))
}

func (c *call) validateName(fail func(path, constraint string)) {
	const path = "deliveryStreamName"
	if c.stream == nil {
		fail(path, "not be null")
		return
	}
	if len(c.stream) < 1 {
		fail(path, "have length greater than or equal to 1")
	}
	if len(c.stream) > maxName {
		fail(path, "have length less than or equal to 64")
	}
	if len(c.stream) < 1 || nameLength(c.stream) < len(c.stream) {
		fail(path, "satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
	}
}

func (c *call) validateCount(op operation, fail func(path, constraint string)) {
	switch {
	case op == putRecord && c.absent:
		fail("record", "not be null")
	case op == putRecord:
	case c.absent:
		fail("records", "not be null")
	case c.count == 0:
		fail("records", "have length greater than or equal to 1")
	case c.count > maxRecords:
		fail("records", "have length less than or equal to 500")
	}
}

// checkSize holds a batch to AWS's limit on the records' decoded bytes.
func (c *call) checkSize(op operation) error {
	if op == putRecord {
		return nil
	}
	n := size(c.records)
	if n <= maxBatch {
		return nil
	}
	return &ingest.Error{Code: ingest.BatchTooLarge, Limit: maxBatch, Size: n, Detail: "Records size exceeds 4 MB limit"}
}

func invalid(detail string) error { return &ingest.Error{Code: ingest.Validation, Detail: detail} }

// dataPath is where AWS says a record's data is; elements count from 1.
func dataPath(op operation, index int) string {
	return elementPath(op, index) + ".data"
}

func elementPath(op operation, index int) string {
	if op == putRecord {
		return "record"
	}
	return fmt.Sprintf("records.%d.member", index+1)
}

// nameLength is how many bytes from the start may stand in a stream's name.
func nameLength(b []byte) int {
	for i, c := range b {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '.', c == '-':
		default:
			return i
		}
	}
	return len(b)
}

func size(records [][]byte) int64 {
	var n int64
	for _, record := range records {
		n += int64(len(record))
	}
	return n
}
