package native

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"hydrant/gateway/ingest"
	"hydrant/gateway/native/recordpb"
)

func encodeBatch(t testing.TB, records ...string) []byte {
	t.Helper()
	batch := new(recordpb.RecordBatch)
	for _, r := range records {
		batch.Records = append(batch.Records, &recordpb.Record{Data: []byte(r)})
	}
	data, err := proto.Marshal(batch)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSplitProtobuf(t *testing.T) {
	extended := protowire.AppendTag(nil, 7, protowire.VarintType)
	extended = protowire.AppendVarint(extended, 5)
	extended = append(extended, encodeBatch(t, "a")...)
	twice := protowire.AppendTag(nil, 1, protowire.BytesType)
	twice = protowire.AppendBytes(twice, []byte("\x0a\x01x\x12\x02zz\x0a\x01y"))
	for name, c := range map[string]struct {
		body []byte
		want []string
	}{
		"records":                   {encodeBatch(t, "a", "", strings.Repeat("b", 300)), []string{"a", "", strings.Repeat("b", 300)}},
		"fields of a later version": {extended, []string{"a"}},
		"data given twice":          {twice, []string{"y"}},
	} {
		got, n, err := splitProtobuf(nil, c.body, 100)
		if err != nil || int(n) != len(c.want) || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
			t.Errorf("%s: got %q, %d, %v", name, got, n, err)
		}
	}
}

func TestSplitProtobufCountsBeyondTheLimit(t *testing.T) {
	got, n, err := splitProtobuf(nil, encodeBatch(t, "a", "b", "c"), 2)
	if err != nil || len(got) != 2 || n != 3 {
		t.Errorf("got %d records of %d, %v", len(got), n, err)
	}
}

func TestSplitProtobufRefuses(t *testing.T) {
	whole := encodeBatch(t, "a record", "another")
	for name, c := range map[string]struct {
		body []byte
		at   string
	}{
		"cut in a record":    {whole[:5], "at byte 0"},
		"cut in the second":  {whole[:len(whole)-1], "at byte 12"},
		"JSON":               {[]byte(`{"a":1}`), "at byte 0"},
		"a bad field inside": {[]byte("\x0a\x03\x0a\x05a"), "at byte 2"},
	} {
		_, _, err := splitProtobuf(nil, c.body, 100)
		if err == nil || ingest.AsError(err).Code != ingest.InvalidProtobuf || !strings.Contains(err.Error(), c.at) {
			t.Errorf("%s: got %v, want %s", name, err, c.at)
		}
	}
}

// The hand-written reader understands what the generated code understands, and as that does.
func FuzzSplitProtobuf(f *testing.F) {
	f.Add(encodeBatch(f, "a", "", "bcd"))
	f.Add([]byte("\x0a\x03\x0a\x05a"))
	f.Add([]byte("\x0b\x0c\x0a\x00"))
	f.Add([]byte("\xfd\xfd\xfd\xfd00000")) // a field number that cannot be
	f.Fuzz(func(t *testing.T, body []byte) {
		got, n, err := splitProtobuf(nil, body, 1<<40)
		var batch recordpb.RecordBatch
		oracle := proto.Unmarshal(body, &batch)
		if (err == nil) != (oracle == nil) {
			t.Fatalf("got %v, the generated code says %v", err, oracle)
		}
		if err != nil {
			return
		}
		if int(n) != len(batch.Records) || len(got) != len(batch.Records) {
			t.Fatalf("got %d records, the generated code %d", n, len(batch.Records))
		}
		for i, r := range batch.Records {
			if !bytes.Equal(got[i], r.Data) {
				t.Errorf("record %d is %q, the generated code says %q", i, got[i], r.Data)
			}
		}
	})
}

// The published description and the generated code say the same.
func TestGeneratedCodeIsCurrent(t *testing.T) {
	source, err := os.ReadFile("recordpb/records.proto")
	if err != nil {
		t.Fatal(err)
	}
	messages := recordpb.File_records_proto.Messages()
	for i := range messages.Len() {
		m := messages.Get(i)
		if !strings.Contains(string(source), "message "+string(m.Name())+" {") {
			t.Errorf("records.proto has no message %s", m.Name())
		}
		for j := range m.Fields().Len() {
			f := m.Fields().Get(j)
			if line := fmt.Sprintf(" %s = %d;", f.Name(), f.Number()); !strings.Contains(string(source), line) {
				t.Errorf("records.proto has no field%s", line)
			}
		}
	}
	if got := strings.Count(string(source), "\nmessage "); got != messages.Len() {
		t.Errorf("records.proto has %d messages, the generated code %d", got, messages.Len())
	}
	if recordsField != messages.ByName("RecordBatch").Fields().ByName("records").Number() ||
		dataField != messages.ByName("Record").Fields().ByName("data").Number() {
		t.Error("splitProtobuf reads other fields")
	}
}
