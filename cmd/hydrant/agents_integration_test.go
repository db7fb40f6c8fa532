//go:build integration

package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// agent is what one log agent sends, byte for byte but for the signature, and the answer that it needs.
type agent struct {
	head   string // after the request line
	path   string // empty means /
	body   string
	framed string // how the body is sent: empty means Content-Length; chunked; continue, after the server's 100
	want   string // the answer's body; ID stands for a record id
}

const (
	putTarget      = "X-Amz-Target: Firehose_20150804.PutRecordBatch\r\n"
	describeTarget = "X-Amz-Target: Firehose_20150804.DescribeDeliveryStream\r\n"
	amzJSON        = "Content-Type: application/x-amz-json-1.1\r\n"
	bothStored     = `{"FailedPutCount":0,"Encrypted":false,"RequestResponses":[{"RecordId":"ID"},{"RecordId":"ID"}]}`
)

// agents are the requests of spec'd agents. Fluent Bit's C plugin searches the answer for the bytes "FailedPutCount":0; its
// Go plugin and the Kinesis Agent take any ErrorCode or ErrorMessage, also an empty one, for a failure; Vector refuses to
// start unless the description names the stream, and its SDK needs the required members.
var agents = map[string]agent{
	"Fluent Bit, C": {
		head: "User-Agent: aws-fluent-bit-plugin\r\n" + amzJSON + putTarget + "x-amz-date: 20260501T000000Z\r\n",
		body: `{"DeliveryStreamName":"agents","Records":[{"Data":"eyJjIjoxfQo="},{"Data":"eyJjIjoyfQo="}]}`,
		want: bothStored,
	},
	"Fluent Bit, Go": {
		head: "User-Agent: aws-sdk-go/1.44.0 (go1.20; linux; amd64) amazon-kinesis-firehose-for-fluent-bit-1.7.2\r\n" + amzJSON + putTarget +
			"X-Amz-Date: 20260501T000000Z\r\nAccept-Encoding: gzip\r\n",
		body: `{"DeliveryStreamName":"agents","Records":[{"Data":"eyJnbyI6MX0K"},{"Data":"eyJnbyI6Mn0K"}]}`,
		want: bothStored,
	},
	"Vector's health check": {
		head: "User-Agent: aws-sdk-rust/1.3.3 os/linux lang/rust/1.78.0\r\n" + amzJSON + describeTarget +
			"amz-sdk-request: attempt=1; max=1\r\namz-sdk-invocation-id: 11111111-1111-4111-8111-111111111111\r\n",
		body: `{"DeliveryStreamName":"agents","Limit":1}`,
		want: `{"DeliveryStreamDescription":{"CreateTimestamp":TIME,"DeliveryStreamARN":"arn:aws:firehose:us-east-1:000000000000:deliverystream/agents",` +
			`"DeliveryStreamEncryptionConfiguration":{"Status":"DISABLED"},"DeliveryStreamName":"agents","DeliveryStreamStatus":"ACTIVE","DeliveryStreamType":"DirectPut",` +
			`"Destinations":[{"DestinationId":"destinationId-000000000001",` +
			`"ExtendedS3DestinationDescription":{"BucketARN":"arn:aws:s3:::agents","BufferingHints":{"IntervalInSeconds":1,"SizeInMBs":1},"CloudWatchLoggingOptions":{"Enabled":false},` +
			`"CompressionFormat":"UNCOMPRESSED","EncryptionConfiguration":{"NoEncryptionConfig":"NoEncryption"},"RoleARN":"arn:aws:iam::123456789012:role/delivery","S3BackupMode":"Disabled"},` +
			`"S3DestinationDescription":{"BucketARN":"arn:aws:s3:::agents","BufferingHints":{"IntervalInSeconds":1,"SizeInMBs":1},"CloudWatchLoggingOptions":{"Enabled":false},` +
			`"CompressionFormat":"UNCOMPRESSED","EncryptionConfiguration":{"NoEncryptionConfig":"NoEncryption"},"RoleARN":"arn:aws:iam::123456789012:role/delivery"}}],` +
			`"HasMoreDestinations":false,"VersionId":"1"}}`,
	},
	"Vector": {
		head: "User-Agent: aws-sdk-rust/1.3.3 os/linux lang/rust/1.78.0\r\n" + amzJSON + putTarget +
			"amz-sdk-request: attempt=1; max=1\r\namz-sdk-invocation-id: 22222222-2222-4222-8222-222222222222\r\n",
		body: `{"DeliveryStreamName":"agents","Records":[{"Data":"eyJ2ZWN0b3IiOjF9"},{"Data":"eyJ2ZWN0b3IiOjJ9"}]}`,
		want: bothStored,
	},
	"Kinesis Agent": {
		head: "User-Agent: aws-kinesis-agent/2.0.8 aws-sdk-java/1.12.0 Linux/5.10 OpenJDK_64-Bit_Server_VM/25\r\n" + amzJSON + putTarget +
			"amz-sdk-invocation-id: 33333333-3333-4333-8333-333333333333\r\namz-sdk-request: attempt=1;max=4\r\namz-sdk-retry: 0/0/500\r\n",
		body:   `{"DeliveryStreamName":"agents","Records":[{"Data":"eyJhZ2VudCI6MX0K"},{"Data":"eyJhZ2VudCI6Mn0K"}]}`,
		framed: "continue",
		want:   bothStored,
	},
	"a body of unknown length, below a path": {
		head: amzJSON + putTarget, path: "/base/path",
		body:   `{"Records": [{"Data": "eyJjaHVua2VkIjoxfQ=="}, {"Data": "eyJjaHVua2VkIjoyfQ=="}], "DeliveryStreamName": "agents"}`,
		framed: "chunked",
		want:   bothStored,
	},
}

// Agents, over TLS as Fluent Bit insists on, get exactly the bytes that they need, and what they sent is delivered.
func TestAgents(t *testing.T) {
	dir := t.TempDir()
	certificate := makeCertificate(t, dir)
	config := bucketsConfig(dir, 0) + fmt.Sprintf("tls: {certificate: %[1]s/server.pem, key: %[1]s/server.key}\n", dir)
	p := startIn(t, dir, config)
	p.url = strings.Replace(p.url, "http:", "https:", 1)
	pem, err := os.ReadFile(certificate)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	create := agent{
		head: amzJSON + "X-Amz-Target: Firehose_20150804.CreateDeliveryStream\r\n",
		body: `{"DeliveryStreamName":"agents","ExtendedS3DestinationConfiguration":{"RoleARN":"arn:aws:iam::123456789012:role/delivery",` +
			`"BucketARN":"arn:aws:s3:::agents","BufferingHints":{"SizeInMBs":1,"IntervalInSeconds":1}}}`,
		want: `{"DeliveryStreamARN":"arn:aws:firehose:us-east-1:000000000000:deliverystream/agents"}`,
	}
	create.run(t, p, roots)
	for name, a := range agents {
		t.Run(name, func(t *testing.T) { a.run(t, p, roots) })
	}
	p.delivered()
	got := ""
	for _, content := range rawFiles(t, filepath.Join(dir, "buckets", "agents")) {
		got += content
	}
	for _, what := range []string{"c", "go", "vector", "agent", "chunked"} {
		for n := 1; n <= 2; n++ {
			if record := fmt.Sprintf(`{%q:%d}`, what, n); strings.Count(got, record) != 1 {
				t.Errorf("%s is there %d times", record, strings.Count(got, record))
			}
		}
	}
	p.stop()
}

var (
	anyID   = regexp.MustCompile(`"RecordId":"[\w-]{38}"`)
	anyTime = regexp.MustCompile(`"CreateTimestamp":[0-9.]+`)
)

func (a agent) run(t *testing.T, p *process, roots *x509.CertPool) {
	t.Helper()
	host := strings.TrimPrefix(p.url, "https://")
	c, err := tls.Dial("tcp", host, &tls.Config{RootCAs: roots})
	must(t, err)
	defer c.Close()
	must(t, c.SetDeadline(time.Now().Add(time.Minute)))
	path := a.path
	if path == "" {
		path = "/"
	}
	head := "POST " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + a.head
	body := a.body
	switch a.framed {
	case "chunked":
		head += "Transfer-Encoding: chunked\r\n"
		body = fmt.Sprintf("7\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", a.body[:7], len(a.body)-7, a.body[7:])
	case "continue":
		head += "Expect: 100-continue\r\n"
		fallthrough
	default:
		head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	in := bufio.NewReader(c)
	_, err = io.WriteString(c, head+"\r\n")
	must(t, err)
	if a.framed == "continue" {
		interim, err := http.ReadResponse(in, nil)
		must(t, err)
		if interim.StatusCode != http.StatusContinue {
			t.Fatalf("got %s, want 100", interim.Status)
		}
	}
	_, err = io.WriteString(c, body)
	must(t, err)
	answer, err := http.ReadResponse(in, nil)
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	got := anyTime.ReplaceAllString(anyID.ReplaceAllString(string(text), `"RecordId":"ID"`), `"CreateTimestamp":TIME`)
	if answer.StatusCode != http.StatusOK || got != a.want {
		t.Errorf("got  %d %s\nwant 200 %s", answer.StatusCode, got, a.want)
	}
	if answer.Header.Get("Content-Type") != "application/x-amz-json-1.1" || answer.ContentLength != int64(len(text)) || answer.Header.Get("x-amzn-RequestId") == "" {
		t.Errorf("got headers %v", answer.Header)
	}
}
