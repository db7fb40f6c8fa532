package firehose

import (
	"bytes"
	"encoding/json"
	"regexp"
	"testing"

	"hydrant/buffer"
	"hydrant/gateway/ingest"
)

func TestAppendAnswer(t *testing.T) {
	id := buffer.StreamID{1, 2, 3}
	receipt := buffer.Receipt{Lane: 4, First: 5, Count: 2}
	const first, second = "AQIDAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAABQ", "AQIDAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAABg"
	for _, c := range []struct {
		op        operation
		records   int
		encrypted bool
		want      string
	}{
		{putRecord, 2, true, `{"RecordId":"` + first + `","Encrypted":true}`},
		{putRecordBatch, 2, true, `{"FailedPutCount":0,"Encrypted":true,"RequestResponses":[{"RecordId":"` + first + `"},{"RecordId":"` + second + `"}]}`},
		{putRecord, 2, false, `{"RecordId":"` + first + `","Encrypted":false}`},
		{putRecordBatch, 2, false, `{"FailedPutCount":0,"Encrypted":false,"RequestResponses":[{"RecordId":"` + first + `"},{"RecordId":"` + second + `"}]}`},
		{putRecordBatch, 3, false, `{"FailedPutCount":1,"Encrypted":false,"RequestResponses":[{"RecordId":"` + first + `"},{"RecordId":"` + second +
			`"},{"ErrorCode":"ServiceUnavailableException","ErrorMessage":"Slow down."}]}`},
	} {
		got := string(appendAnswer(nil, c.op, &ingest.Stream{ID: id, Encrypted: c.encrypted}, receipt, c.records))
		if got != c.want || !json.Valid([]byte(got)) {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// The ids of a batch are those of its records one by one, wherever the sequence carries.
func TestRecordIDsOfABatch(t *testing.T) {
	id := buffer.StreamID{15: 255}
	for _, first := range []buffer.Seq{1, 200, 1<<16 - 3, 1<<32 - 250, 1<<48 - 1, 1<<64 - 500} {
		receipt := buffer.Receipt{Lane: 1<<32 - 1, First: first, Count: 500}
		var got struct{ RequestResponses []struct{ RecordId string } }
		if err := json.Unmarshal(appendAnswer(nil, putRecordBatch, &ingest.Stream{ID: id}, receipt, 500), &got); err != nil {
			t.Fatal(err)
		}
		if n := len(got.RequestResponses); n != receipt.Count {
			t.Fatalf("%d ids of %d records", n, receipt.Count)
		}
		for i, r := range got.RequestResponses {
			if want := string(appendRecordID(nil, id, receipt.Lane, first+buffer.Seq(i))); r.RecordId != want {
				t.Fatalf("record %d from %d on: got %s, want %s", i, first, r.RecordId, want)
			}
		}
	}
}

// Record ids differ wherever stream, lane or sequence does.
func TestRecordIDsAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, id := range []buffer.StreamID{{}, {1}, {15: 1}} {
		for _, lane := range []uint32{0, 1, 1 << 31} {
			for _, seq := range []buffer.Seq{0, 1, 2, 255, 256, 1 << 32, 1 << 63} {
				seen[string(appendRecordID(nil, id, lane, seq))] = true
			}
		}
	}
	if got, want := len(seen), 3*3*7; got != want {
		t.Errorf("got %d different ids, want %d", got, want)
	}
}

func TestRequestID(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	a, b := appendRequestID(nil), appendRequestID(nil)
	if !form.Match(a) || !form.Match(b) || bytes.Equal(a, b) {
		t.Errorf("got %s and %s, want two random UUIDs", a, b)
	}
}
