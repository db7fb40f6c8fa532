package firehose

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"hydrant/gateway/ingest"
)

const one = "1 validation error detected: "

func TestValidate(t *testing.T) {
	const record = 1_024_000
	of := func(sizes ...int) (records [][]byte) {
		for _, n := range sizes {
			records = append(records, make([]byte, n))
		}
		return records
	}
	for _, c := range []struct {
		name string
		op   operation
		call call
		want string
	}{
		{"good", putRecordBatch, call{stream: []byte("s"), records: of(0, record), count: 2}, ""},
		{"longest name", putRecord, call{stream: bytes.Repeat([]byte("n"), 64), records: of(1), count: 1}, ""},
		{
			"no name", putRecord,
			call{records: of(1), count: 1},
			one + "Value at 'deliveryStreamName' failed to satisfy constraint: Member must not be null",
		},
		{
			"empty name", putRecord,
			call{stream: []byte{}, records: of(1), count: 1},
			"2 validation errors detected: Value at 'deliveryStreamName' failed to satisfy constraint: Member must have length greater than or equal to 1; " +
				"Value at 'deliveryStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
		},
		{
			"long name", putRecord,
			call{stream: bytes.Repeat([]byte("n"), 65), records: of(1), count: 1},
			one + "Value at 'deliveryStreamName' failed to satisfy constraint: Member must have length less than or equal to 64",
		},
		{
			"bad name", putRecord,
			call{stream: []byte("a b"), records: of(1), count: 1},
			one + "Value at 'deliveryStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
		},
		{
			"no record", putRecord,
			call{stream: []byte("s"), absent: true},
			one + "Value at 'record' failed to satisfy constraint: Member must not be null",
		},
		{
			"no data", putRecord,
			call{stream: []byte("s"), count: 1, missing: []string{"record.data"}},
			one + "Value at 'record.data' failed to satisfy constraint: Member must not be null",
		},
		{
			"large record", putRecord,
			call{stream: []byte("s"), records: of(record + 1), count: 1},
			one + "Value at 'record.data' failed to satisfy constraint: Member must have length less than or equal to 1024000",
		},
		{
			"no records", putRecordBatch,
			call{stream: []byte("s"), absent: true},
			one + "Value at 'records' failed to satisfy constraint: Member must not be null",
		},
		{
			"empty records", putRecordBatch,
			call{stream: []byte("s")},
			one + "Value at 'records' failed to satisfy constraint: Member must have length greater than or equal to 1",
		},
		{
			"501 records", putRecordBatch,
			call{stream: []byte("s"), count: 501},
			one + "Value at 'records' failed to satisfy constraint: Member must have length less than or equal to 500",
		},
		{
			"all at once", putRecordBatch,
			call{records: of(1, 1, record+1), count: 5, missing: []string{"records.4.member", "records.5.member.data"}},
			"4 validation errors detected: Value at 'deliveryStreamName' failed to satisfy constraint: Member must not be null; " +
				"Value at 'records.4.member' failed to satisfy constraint: Member must not be null; " +
				"Value at 'records.5.member.data' failed to satisfy constraint: Member must not be null; " +
				"Value at 'records.3.member.data' failed to satisfy constraint: Member must have length less than or equal to 1024000",
		},
	} {
		err := c.call.validate(c.op, ingest.Limits{Record: record})
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: got error %v, want none", c.name, err)
			}
			continue
		}
		var e *ingest.Error
		if !errors.As(err, &e) || e.Code != ingest.Validation || e.Detail != c.want {
			t.Errorf("%s: got error %v\nwant %s", c.name, err, c.want)
		}
	}
}

func TestOperationOf(t *testing.T) {
	for _, c := range []struct{ target, want string }{
		{"Firehose_20150804.PutRecord", ""},
		{"Firehose_20150804.PutRecordBatch", ""},
		{"Firehose_20150804.DescribeDeliveryStream", "DescribeDeliveryStream is not served here"},
		{"Firehose_20150804.UpdateDestination", "UpdateDestination is not served here"},
		{"Firehose_20150804.Nonsense", "names no operation of Firehose_20150804"},
		{"Firehose_20150804.putrecord", "names no operation"},
		{"Firehose_20150804.", "names no operation"},
		{"Kinesis_20131202.PutRecord", "names no operation"},
		{"", "names no operation"},
	} {
		_, err := operationOf([]byte(c.target))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: got error %v, want %q", c.target, err, c.want)
		}
	}
}
