package firehose

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"hydrant/gateway/ingest"
)

func room(body []byte) []byte { return make([]byte, len(body)/4*3) }

// The shapes that clients send must not fall back.
func TestScanAcceptsWhatClientsSend(t *testing.T) {
	for _, c := range []struct {
		op   operation
		body string
		want []string
	}{
		{putRecordBatch, `{"DeliveryStreamName":"s.1_a-B","Records":[{"Data":"YQo="},{"Data":"Ygo="}]}`, []string{"a\n", "b\n"}},
		{putRecordBatch, `{"Records": [{"Data": "YQo="}, {"Data": "Ygo="}], "DeliveryStreamName": "s.1_a-B"}`, []string{"a\n", "b\n"}},
		{putRecordBatch, "\r\n{\t\"DeliveryStreamName\" : \"s.1_a-B\" ,\n \"Records\" : [ { \"Data\" : \"\" } ] }\n", []string{""}},
		{putRecord, `{"DeliveryStreamName":"s.1_a-B","Record":{"Data":"YQo="}}`, []string{"a\n"}},
		{putRecord, `{"Record": {"Data": ""}, "DeliveryStreamName": "s.1_a-B"}`, []string{""}},
	} {
		got, ok := scan(c.op, nil, room([]byte(c.body)), []byte(c.body))
		if !ok || string(got.stream) != "s.1_a-B" || !slices.Equal(asStrings(got.records), c.want) || got.count != len(c.want) {
			t.Errorf("%s: got %+v, %v, want %q", c.body, got, ok, c.want)
		}
	}
}

// odd is a body that the scanner must leave to the parser.
type odd struct {
	op   operation
	body string
	want []string // nil: the parser refuses it too
	err  string   // in the parser's error
}

var odds = []odd{
	{putRecordBatch, `{"DeliveryStreamName":"s","Records":[{"Data":"YQ\u003d\u003d"}]}`, []string{"a"}, ""},
	{putRecordBatch, `{"DeliveryStreamName":"\u0073","Records":[{"Data":"YQ=="}]}`, []string{"a"}, ""},
	{putRecordBatch, `{"DeliveryStreamName":"s","Records":[{"Data":"\/\/\/\/"}]}`, []string{"\xff\xff\xff"}, ""},
	{putRecordBatch, `{"DeliveryStreamName":"s","Records":[{"D\u0061ta":"YQ=="}]}`, []string{"a"}, ""},
	{putRecordBatch, `{"DeliveryStreamName":"s","Records":[{"Data":"YQ==","x":[{}]}],"y":{"Data":1}}`, []string{"a"}, ""},
	{putRecordBatch, `{"DeliveryStreamName":"x","DeliveryStreamName":"s","Records":[{"Data":"YQ=="}]}`, []string{"a"}, ""},
	{putRecordBatch, `{"DeliveryStreamName":"s","Records":[{"Data":"YQ=="}],"Records":[{"Data":"Yg=="}]}`, []string{"b"}, ""},
	{putRecordBatch, `{"DeliveryStreamName":"s","Records":[{"Data":"YQ==","Data":"Yg=="}]}`, []string{"b"}, ""},
	{putRecordBatch, `{"DeliveryStreamName":"s","records":[],"Record":{},"Records":[{"Data":"YQ==","data":"Yg=="}]}`, []string{"a"}, ""},
	{putRecord, `{"DeliveryStreamName":"s","Records":7,"Record":{"Data":"YQ=="}}`, []string{"a"}, ""},

	{putRecordBatch, ``, nil, "not valid JSON"},
	{putRecordBatch, `[]`, nil, "the body must be an object, not an array"},
	{putRecordBatch, `null`, nil, "the body must be an object, not null"},
	{putRecordBatch, `{"DeliveryStreamName":7,"Records":[]}`, nil, "DeliveryStreamName must be a string, not a number"},
	{putRecordBatch, `{"DeliveryStreamName":"s","Records":{}}`, nil, "Records must be an array, not an object"},
	{putRecordBatch, `{"DeliveryStreamName":"s","Records":[1]}`, nil, "records.1.member must be an object, not a number"},
	{putRecordBatch, `{"DeliveryStreamName":"s","Records":[{"Data":"YQ=="},{"Data":true}]}`, nil, "records.2.member.data must be a string, not a boolean"},
	{putRecordBatch, `{"DeliveryStreamName":"s","Records":[{"Data":"YQ="}]}`, nil, "records.1.member.data is not base64"},
	{putRecordBatch, `{"DeliveryStreamName":"s","Records":[{"Data":"YQ\n=="}]}`, nil, "records.1.member.data is not base64"},
	{putRecordBatch, "{\"DeliveryStreamName\":\"s\",\"Records\":[{\"Data\":\"YW\nJj\"}]}", nil, "not valid JSON"},
	{putRecordBatch, "{\"DeliveryStreamName\":\"\xff\",\"Records\":[]}", nil, "not valid JSON"},
	{putRecordBatch, `{"DeliveryStreamName":"s","Records":[{"Data":"YQ=="},]}`, nil, "not valid JSON"},
	{putRecordBatch, `{"DeliveryStreamName":"s","Records":[{"Data":"YQ=="}`, nil, "not valid JSON"},
	{putRecordBatch, `{"DeliveryStreamName":"s","Records":}`, nil, "not valid JSON"},
	{putRecordBatch, `{"DeliveryStreamName":"s","Records":[{"Data":"YQ=="}]} x`, nil, "not valid JSON"},
	{putRecordBatch, `{"DeliveryStreamName":"s","Records":[{"Data":"YQ=="}]}{}`, nil, "goes on after"},
	{putRecordBatch, `{"x":` + strings.Repeat("[", 20_000), nil, "depth"},
	{putRecord, `{"DeliveryStreamName":"s","Record":[]}`, nil, "record must be an object, not an array"},
	{putRecord, `{"DeliveryStreamName":"s","Record":{"Data":"?"}}`, nil, "record.data is not base64"},
}

func TestParseDecidesWhatScanDoesNotRecognise(t *testing.T) {
	for _, c := range odds {
		body := []byte(c.body)
		if got, ok := scan(c.op, nil, room(body), body); ok {
			t.Errorf("%.100s: the scanner accepted %+v", c.body, got)
		}
		got, err := parse(c.op, nil, room(body), body)
		if c.want != nil {
			if err != nil || string(got.stream) != "s" || !slices.Equal(asStrings(got.records), c.want) {
				t.Errorf("%.100s: got %+v, error %v, want %q", c.body, got, err, c.want)
			}
			continue
		}
		var e *ingest.Error
		if !errors.As(err, &e) || e.Code != ingest.InvalidJSON || !strings.Contains(e.Detail, c.err) {
			t.Errorf("%.100s: got error %v, want %s with %q", c.body, err, ingest.InvalidJSON, c.err)
		}
	}
}

func batch(n int, data string) []byte {
	record := `{"Data":"` + base64.StdEncoding.EncodeToString([]byte(data)) + `"}`
	return []byte(`{"DeliveryStreamName":"s","Records":[` + strings.Join(slices.Repeat([]string{record}, n), ",") + `]}`)
}

func TestDecodeCountsRecordsBeyondTheLimit(t *testing.T) {
	for _, c := range []struct {
		n       int
		scanned bool
	}{{maxRecords, true}, {maxRecords + 1, false}, {100_000, false}} {
		body := batch(c.n, "x")
		if _, ok := scan(putRecordBatch, nil, room(body), body); ok != c.scanned {
			t.Errorf("%d records: scanned: got %v, want %v", c.n, ok, c.scanned)
		}
		got, err := parse(putRecordBatch, nil, room(body), body)
		if err != nil || got.count != c.n || len(got.records) != min(c.n, maxRecords) {
			t.Errorf("%d records: got a count of %d and %d records, error %v", c.n, got.count, len(got.records), err)
		}
	}
}

// Whenever the scanner accepts, the parser gives the same call; whenever the parser accepts, encoding/json does, with
// the same records.
func FuzzDecode(f *testing.F) {
	for _, c := range odds {
		f.Add(c.op == putRecord, []byte(c.body))
	}
	f.Add(false, batch(3, "hello"))
	f.Add(false, batch(2, strings.Repeat("y", 70)))
	f.Add(true, []byte(`{"Record": {"Data": "YQ=="}, "DeliveryStreamName": "s"}`))
	f.Fuzz(func(t *testing.T, single bool, body []byte) {
		op := putRecordBatch
		if single {
			op = putRecord
		}
		scanned, accepted := scan(op, nil, room(body), body)
		parsed, err := parse(op, nil, room(body), body)
		if accepted && (err != nil || !sameCall(scanned, parsed)) {
			t.Fatalf("%q: the scanner gave %+v, the parser %+v, error %v", body, scanned, parsed, err)
		}
		if err != nil {
			return
		}
		want, err := oracle(op, body)
		if err != nil || !sameCall(parsed, want) {
			t.Fatalf("%q: the parser gave %+v, encoding/json %+v, error %v", body, parsed, want, err)
		}
	})
}

func sameCall(a, b call) bool {
	return string(a.stream) == string(b.stream) && (a.stream == nil) == (b.stream == nil) &&
		slices.EqualFunc(a.records, b.records, bytes.Equal) &&
		a.count == b.count && a.absent == b.absent && slices.Equal(a.missing, b.missing)
}

// oracle decodes by encoding/json. Maps keep names case-sensitive, which structs do not.
func oracle(op operation, body []byte) (call, error) {
	c := call{absent: true}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return c, err
	}
	var name *string
	if err := unmarshal(members["DeliveryStreamName"], &name); err != nil {
		return c, err
	}
	if name != nil {
		c.stream = []byte(*name)
	}
	var records []map[string]json.RawMessage
	var err error
	if op == putRecord {
		var record map[string]json.RawMessage
		err = unmarshal(members["Record"], &record)
		if c.absent = record == nil; !c.absent {
			records = append(records, record)
		}
	} else {
		err = unmarshal(members["Records"], &records)
		c.absent = records == nil
	}
	if err != nil {
		return c, err
	}
	c.count = len(records)
	for i, record := range records[:min(len(records), maxRecords)] {
		if err := c.add(op, i, record); err != nil {
			return c, fmt.Errorf("record %d: %w", i+1, err)
		}
	}
	return c, nil
}

func (c *call) add(op operation, index int, record map[string]json.RawMessage) error {
	var encoded *string
	if err := unmarshal(record["Data"], &encoded); err != nil {
		return err
	}
	switch {
	case record == nil:
		c.missing = append(c.missing, elementPath(op, index))
		return nil
	case encoded == nil:
		c.missing = append(c.missing, dataPath(op, index))
		return nil
	}
	data, ok := reference([]byte(*encoded))
	if !ok {
		return errors.New("not base64")
	}
	c.records = append(c.records, data)
	return nil
}

// unmarshal leaves value as it is where the member is absent.
func unmarshal(raw json.RawMessage, value any) error {
	if raw == nil {
		return nil
	}
	return json.Unmarshal(raw, value)
}

func asStrings(records [][]byte) []string {
	var s []string
	for _, r := range records {
		s = append(s, string(r))
	}
	return s
}
