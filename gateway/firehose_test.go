package gateway

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hydrant/buffer"
)

var errBroken = errors.New("the disk is broken")

func encode(record string) string { return base64.StdEncoding.EncodeToString([]byte(record)) }

func putBatch(stream string, records ...string) string {
	var members []string
	for _, r := range records {
		members = append(members, `{"Data":"`+encode(r)+`"}`)
	}
	return call("PutRecordBatch", `{"DeliveryStreamName":"`+stream+`","Records":[`+strings.Join(members, ",")+`]}`)
}

func TestFirehoseStoresRecords(t *testing.T) {
	f := start(t, &fakeLog{})
	c := f.dial()
	for _, x := range []struct {
		request, answer string
		want            []string
	}{
		{
			call("PutRecord", `{"DeliveryStreamName":"clicks","Record":{"Data":"YWJj"}}`),
			`^\{"RecordId":"[\w-]{38}","Encrypted":false\}$`,
			[]string{"abc"},
		},
		{
			call("PutRecord", `{"DeliveryStreamName": "clicks", "Record": {"Data": ""}, "Extra": null}`),
			`^\{"RecordId":"[\w-]{38}","Encrypted":false\}$`,
			[]string{""},
		},
		{
			putBatch("clicks", "a", "", strings.Repeat("x", 1000)),
			`^\{"FailedPutCount":0,"Encrypted":false,"RequestResponses":\[(\{"RecordId":"[\w-]{38}"\},?){3}\]\}$`,
			[]string{"a", "", strings.Repeat("x", 1000)},
		},
		{
			strings.Replace(putBatch("clicks", "a"), "POST / ", "POST /base/path?x=1 ", 1),
			`"FailedPutCount":0`,
			[]string{"a"},
		},
	} {
		got := c.do(x.request)
		if got.StatusCode != 200 || !regexp.MustCompile(x.answer).MatchString(got.body) || !json.Valid([]byte(got.body)) {
			t.Errorf("got %d %s, want 200 and %s", got.StatusCode, got.body, x.answer)
		}
		if got.Header.Get("Content-Type") != "application/x-amz-json-1.1" || len(got.Header.Get("x-amzn-RequestId")) != 36 {
			t.Errorf("got headers %v", got.Header)
		}
		if got := f.log.stored(); !slices.Equal(got, x.want) {
			t.Errorf("stored %q, want %q", got, x.want)
		}
	}
}

func TestFirehoseRefusals(t *testing.T) {
	f := start(t, &fakeLog{})
	const validation = "1 validation error detected: Value at '"
	for _, x := range []struct {
		name, request      string
		status             int
		exception, message string
		closes             bool
	}{
		{
			name: "unknown stream", request: putBatch("none", "a"), status: 400,
			exception: "ResourceNotFoundException", message: "Firehose none not found under account 000000000000.",
		},
		{name: "stream being deleted", request: putBatch("closing", "a"), status: 503, exception: "ServiceUnavailableException", message: "Slow down."},
		{
			name: "other operation", request: call("DescribeDeliveryStream", `{}`), status: 400, exception: "UnknownOperationException",
			message: "The operation DescribeDeliveryStream is not served here; PutRecord and PutRecordBatch are.",
		},
		{name: "nonsense operation", request: call("X", `{}`), status: 400, exception: "UnknownOperationException", message: "X-Amz-Target names no operation of Firehose_20150804."},
		{name: "get", request: request("GET", "/", "", "X-Amz-Target: Firehose_20150804.PutRecord"), status: 405, exception: "UnknownOperationException", message: "operations are called with POST"},
		{name: "no body", request: call("PutRecord", ""), status: 400, exception: "SerializationException", message: "the request has no body; send at least one record"},
		{name: "bad JSON", request: call("PutRecord", `{"DeliveryStreamName":}`), status: 400, exception: "SerializationException", message: "the body is not valid JSON: missing value after object name at byte 22"},
		{name: "encodings on two lines", request: call("PutRecord", "x", "Content-Encoding: identity", "Content-Encoding: gzip"), status: 415, exception: "UnsupportedMediaTypeException", message: `Content-Encoding "identity, gzip" is not supported; send the body as it is (identity)`},
		{name: "gzip", request: call("PutRecord", "x", "Content-Encoding: gzip"), status: 415, exception: "UnsupportedMediaTypeException", message: `Content-Encoding "gzip" is not supported; send the body as it is (identity)`},
		{
			name: "nothing", request: call("PutRecordBatch", `{}`), status: 400, exception: "ValidationException",
			message: "2 validation errors detected: Value at 'deliveryStreamName' failed to satisfy constraint: Member must not be null; " +
				"Value at 'records' failed to satisfy constraint: Member must not be null",
		},
		{
			name: "record too large", request: putBatch("clicks", "a", "b", strings.Repeat("x", 1001)), status: 400, exception: "ValidationException",
			message: validation + "records.3.member.data' failed to satisfy constraint: Member must have length less than or equal to 1000",
		},
		{
			name: "501 records", request: putBatch("clicks", make([]string, 501)...), status: 400, exception: "ValidationException",
			message: validation + "records' failed to satisfy constraint: Member must have length less than or equal to 500",
		},
		{
			name: "constraints before the stream", request: putBatch("none"), status: 400, exception: "ValidationException",
			message: validation + "records' failed to satisfy constraint: Member must have length greater than or equal to 1",
		},
		{
			name: "body too large", request: call("PutRecord", strings.Repeat(" ", 300_001)), status: 413, exception: "RequestEntityTooLargeException",
			message: "the body is at least 300001 bytes long, the limit is 300000; send it in several requests", closes: true,
		},
	} {
		t.Run(x.name, func(t *testing.T) {
			f.t = t
			c := f.dial()
			got := c.do(x.request)
			wantException(t, got, x.status, x.exception, x.message)
			if records := f.log.stored(); records != nil {
				t.Errorf("stored %q, want nothing", records)
			}
			checkConnection(t, c, got, x.closes)
			f.log.stored()
		})
	}
	f.t = t
}

func wantException(t *testing.T, got answer, status int, exception, message string) {
	t.Helper()
	var body struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Fatalf("%q: %v", got.body, err)
	}
	if got.StatusCode != status || body.Type != exception || body.Message != message {
		t.Errorf("got %d %s\nwant %d %s: %s", got.StatusCode, got.body, status, exception, message)
	}
	for name, want := range map[string]string{"x-amzn-ErrorType": exception, "Content-Type": "application/x-amz-json-1.1"} {
		if got := got.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if len(got.Header.Get("x-amzn-RequestId")) != 36 {
		t.Errorf("got headers %v, want a request id", got.Header)
	}
	if retry := got.Header.Get("Retry-After"); (retry != "") != (status == 503) {
		t.Errorf("Retry-After: got %q with status %d", retry, status)
	}
}

// The 4 MiB count decoded bytes: a call of that size is well over 5 MB long.
func TestFirehoseBatchLimit(t *testing.T) {
	f := start(t, &fakeLog{}, func(c *Config) {
		c.Ingest.Limits.Body, c.Ingest.Limits.Record, c.Ingest.Limits.Records = 0, 0, 0
	})
	c := f.dial()
	const record = 1_024_000
	full := strings.Repeat("x", record)
	rest := 4<<20 - 4*record
	if got := c.do(putBatch("clicks", full, full, full, full, full[:rest])); got.StatusCode != 200 {
		t.Errorf("4 MiB: got %d %s, want 200", got.StatusCode, got.body)
	}
	if got := len(strings.Join(f.log.stored(), "")); got != 4<<20 {
		t.Errorf("stored %d bytes, want %d", got, 4<<20)
	}
	got := c.do(putBatch("clicks", full, full, full, full, full[:rest+1]))
	wantException(t, got, 400, "InvalidArgumentException", "Records size exceeds 4 MB limit")
	if got := f.log.stored(); got != nil {
		t.Errorf("stored %d records of a refused call, want none", len(got))
	}
}

func TestFirehoseTellsTheLogsErrors(t *testing.T) {
	f := start(t, &fakeLog{})
	c := f.dial()
	for _, x := range []struct {
		err                error
		status             int
		exception, message string
	}{
		{&buffer.FullError{}, 503, "ServiceUnavailableException", "Slow down."},
		{buffer.ErrClosed, 503, "ServiceUnavailableException", "Slow down."},
		{buffer.ErrUnknownStream, 400, "ResourceNotFoundException", "Firehose clicks not found under account 000000000000."},
		{errBroken, 500, "InternalFailure", "the server failed; whether the records were stored is not known; retry"},
	} {
		f.log.setError(x.err)
		wantException(t, c.do(putBatch("clicks", "a", "b")), x.status, x.exception, x.message)
	}
}

// A data key that may be there for the next attempt is worth one: SDKs make it after a 503, and give up after a 400, which is
// for keys that somebody has to mend.
func TestDataKeysThatAreMissing(t *testing.T) {
	f := start(t, &fakeLog{})
	c := f.dial()
	for code, want := range map[string]exceptionOf{
		buffer.KeyUnreachable: {503, "ServiceUnavailableException"},
		buffer.KeyDisabled:    {400, "InvalidKMSResourceException"},
		buffer.KeyNotFound:    {400, "InvalidKMSResourceException"},
	} {
		f.log.setError(&buffer.DataKeyError{ID: 1, Code: code, Reason: "mend it"})
		got := c.do(putBatch("clicks", "x"))
		if got.StatusCode != want.status || got.Header.Get("X-Amzn-Errortype") != want.name ||
			!strings.Contains(got.body, `"code":"`+code+`"`) || !strings.Contains(got.body, "mend it") {
			t.Errorf("%s: got %d %s", code, got.StatusCode, got.body)
		}
	}
}

type exceptionOf struct {
	status int
	name   string
}
