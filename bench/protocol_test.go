package bench

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fasthttp"
)

func TestRequests(t *testing.T) {
	for _, c := range []struct {
		api               string
		batch             int
		url, kind, target string
		independent       func(records []string) string // the body as other code writes it
	}{
		{Native, 1, "http://h:1/base/v1/streams/a.b/records", "application/json", "", func(r []string) string { return r[0] }},
		{Native, 3, "http://h:1/base/v1/streams/a.b/records", "application/x-ndjson", "", func(r []string) string {
			return strings.Join(r, "\n") + "\n"
		}},
		{Firehose, 1, "http://h:1/base/", "application/x-amz-json-1.1", "Firehose_20150804.PutRecord", func(r []string) string {
			return awsJSON(struct {
				DeliveryStreamName string
				Record             awsRecord
			}{"a.b", awsRecord{[]byte(r[0] + "\n")}})
		}},
		{Firehose, 3, "http://h:1/base/", "application/x-amz-json-1.1", "Firehose_20150804.PutRecordBatch", func(r []string) string {
			request := struct {
				DeliveryStreamName string
				Records            []awsRecord
			}{DeliveryStreamName: "a.b"}
			for _, record := range r {
				request.Records = append(request.Records, awsRecord{[]byte(record + "\n")})
			}
			return awsJSON(request)
		}},
	} {
		t.Run(fmt.Sprintf("%s %d", c.api, c.batch), func(t *testing.T) {
			o := DefaultOptions()
			o.API, o.Batch, o.Stream = c.api, c.batch, "a.b"
			p := newProtocol(o)
			var request fasthttp.Request
			p.prepare(&request, "http://h:1/base/", o.Stream)
			if got := request.URI().String(); got != c.url {
				t.Errorf("URL: got %s, want %s", got, c.url)
			}
			if got := string(request.Header.ContentType()); got != c.kind {
				t.Errorf("content type: got %s, want %s", got, c.kind)
			}
			if got := string(request.Header.Peek("X-Amz-Target")); got != c.target {
				t.Errorf("target: got %s, want %s", got, c.target)
			}
			for _, size := range []int{recordSize, 511, 512, 513, 4096} {
				same, records := newAuthor(testRun, 1, plain(size, keyNames(5))), []string{}
				for n := range uint64(c.batch) {
					records = append(records, string(same.append(nil, 40+n)))
				}
				got := string(p.appendBody(nil, newAuthor(testRun, 1, plain(size, keyNames(5))), 40, c.batch))
				if diff := cmp.Diff(c.independent(records), got); diff != "" {
					t.Errorf("body with records of %d bytes (-want +got):\n%s", size, diff)
				}
			}
		})
	}
}

type awsRecord struct{ Data []byte }

func (r awsRecord) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"Data": base64.StdEncoding.EncodeToString(r.Data)})
}

func awsJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // only strings
	}
	return string(text)
}

func TestBatchAnswers(t *testing.T) {
	const noWord = "200 without a word on each record"
	for _, c := range []struct {
		name, body string
		want       []part
	}{
		{"all stored", `{"Encrypted":false,"FailedPutCount":0,"RequestResponses":[{"RecordId":"a"}]}`, []part{{records: 4}}},
		{"all stored, with spaces", `{"FailedPutCount": 0, "RequestResponses":[{"RecordId":"a"},{},{},{}]}`, []part{{records: 4}}},
		{
			"some refused",
			`{"FailedPutCount":2,"RequestResponses":[{"RecordId":"a"},{"ErrorCode":"ServiceUnavailableException","ErrorMessage":"Slow down."},{"ErrorCode":"ServiceUnavailableException"},{"RecordId":"d"}]}`,
			[]part{{1, acked, ""}, {2, refused, "200 ServiceUnavailableException"}, {1, acked, ""}},
		},
		{
			"an internal failure leaves it open",
			`{"FailedPutCount":1,"RequestResponses":[{"RecordId":"a"},{"RecordId":"b"},{"RecordId":"c"},{"ErrorCode":"InternalFailure"}]}`,
			[]part{{3, acked, ""}, {1, unknown, "200 InternalFailure"}},
		},
		{"too few answers", `{"FailedPutCount":1,"RequestResponses":[{"ErrorCode":"InternalFailure"}]}`, []part{{4, unknown, noWord}}},
		{"no JSON", `OK`, []part{{4, unknown, noWord}}},
		{"nothing", ``, []part{{4, unknown, noWord}}},
	} {
		p := &awsProtocol{batched: true}
		if diff := cmp.Diff(c.want, p.judge(nil, []byte(c.body), 4), cmp.AllowUnexported(part{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestStatusAnswers(t *testing.T) {
	for _, c := range []struct {
		status  int
		body    string
		want    outcome
		failure string
		detail  string
	}{
		{400, `{"__type":"InvalidArgumentException","message":"no"}`, refused, "400 InvalidArgumentException", "no"},
		{404, `{"code":"stream_not_found","detail":"no stream demo"}`, refused, "404 stream_not_found", "no stream demo"},
		{429, ``, refused, "429", ""},
		{503, `<html>`, refused, "503", ""},
		{500, `{"code":"internal"}`, unknown, "500 internal", ""},
		{502, ``, unknown, "502", ""},
		{504, ``, unknown, "504", ""},
		{302, ``, unknown, "302", ""},
	} {
		got, failure, detail := judgeStatus(c.status, []byte(c.body))
		if got != c.want || failure != c.failure || detail != c.detail {
			t.Errorf("%d %s: got %v, %q, %q, want %v, %q, %q", c.status, c.body, got, failure, detail, c.want, c.failure, c.detail)
		}
	}
}

// FuzzBatchAnswer checks that every answer accounts for every record, in parts that are not empty.
func FuzzBatchAnswer(f *testing.F) {
	f.Add([]byte(`{"FailedPutCount":1,"RequestResponses":[{"RecordId":"a"},{"ErrorCode":"InternalFailure"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := 0
		for _, p := range (&awsProtocol{batched: true}).judge(nil, body, 2) {
			if p.records <= 0 || (p.outcome == acked) != (p.failure == "") {
				t.Errorf("got %+v", p)
			}
			sum += p.records
		}
		if sum != 2 {
			t.Errorf("got %d records, want 2", sum)
		}
		_, _, _ = judgeStatus(400, body)
	})
}
