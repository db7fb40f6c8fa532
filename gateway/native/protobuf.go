package native

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"hydrant/gateway/ingest"
)

// The numbers of the fields in recordpb/records.proto.
const (
	recordsField = 1 // of RecordBatch
	dataField    = 1 // of Record
)

// splitProtobuf takes the data of each Record of a RecordBatch as a record. It reads the wire format where it lies, as
// the generated code would understand it: fields that it does not know are passed over, of data given twice the last
// one counts.
func splitProtobuf(records [][]byte, body []byte, limit int64) ([][]byte, int64, error) {
	var n int64
	for at := 0; at < len(body); {
		value, size := field(body[at:], recordsField)
		if size < 0 {
			return records, 0, notProtobuf(at, size)
		}
		if value != nil {
			data, offset, fault := recordData(value)
			if fault < 0 {
				return records, 0, notProtobuf(at+size-len(value)+offset, fault)
			}
			if n++; n <= limit {
				records = append(records, data)
			}
		}
		at += size
	}
	return records, n, nil
}

// recordData is the data of a Record; fault is protowire's code, and offset where it was found.
func recordData(message []byte) (data []byte, offset, fault int) {
	data = message[:0]
	for at := 0; at < len(message); {
		value, size := field(message[at:], dataField)
		if size < 0 {
			return nil, at, size
		}
		if value != nil {
			data = value
		}
		at += size
	}
	return data, 0, 0
}

// field reads one field and returns its size, or protowire's negative code. Where it is the wanted one and holds bytes,
// value is what it holds, and not nil; a field of that number and another type counts as unknown.
func field(b []byte, wanted protowire.Number) (value []byte, size int) {
	number, kind, head := protowire.ConsumeTag(b)
	if head < 0 {
		return nil, head
	}
	if number > protowire.MaxValidNumber { // as generated code has it; ConsumeTag lets it through
		return nil, badNumber
	}
	if number != wanted || kind != protowire.BytesType {
		rest := protowire.ConsumeFieldValue(number, kind, b[head:])
		if rest < 0 {
			return nil, rest
		}
		return nil, head + rest
	}
	value, rest := protowire.ConsumeBytes(b[head:])
	if rest < 0 {
		return nil, rest
	}
	return value[:len(value):len(value)], head + rest
}

// badNumber is protowire's code for a field number that cannot be.
var _, _, badNumber = protowire.ConsumeTag([]byte{0})

func notProtobuf(offset, fault int) error {
	return &ingest.Error{
		Code:   ingest.InvalidProtobuf,
		Detail: fmt.Sprintf("the body is not a hydrant.v1.RecordBatch: %v at byte %d", protowire.ParseError(fault), offset),
	}
}

// wholeBody takes the body as one record, whatever it is.
func wholeBody(records [][]byte, body []byte, limit int64) ([][]byte, int64, error) {
	if len(body) == 0 {
		return records, 0, nil
	}
	return append(records, body), 1, nil
}
