//go:build integration

package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const limitsConfig = `
data_dir: %[1]s/data
streams:
  binary:
    buffering: {interval: 1s}
    compression: none
    delimiter: ""
    destination: {directory: {path: %[1]s/binary}}
  slow:
    buffering: {interval: 1s}
    compression: none
    quota: {bytes: 2MiB}
    destination: {directory: {path: %[1]s/slow}}
`

// every is a record of every byte there is, at the limit of 1,000 KiB, that no other is like.
func every(name string) []byte {
	record := bytes.Repeat([]byte{0}, 1000<<10)
	for i := range record {
		record[i] = byte(i ^ i>>8)
	}
	copy(record, name)
	return record
}

// Clients send what is as large as it may be, and of every byte; and what is larger is refused in AWS's words, without a retry.
func TestClientsSendTheLargest(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	p := startIn(t, dir, fmt.Sprintf(limitsConfig, dir))
	var want [][]byte
	file := func(name string) string {
		want = append(want, every(name))
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, every(name), 0o600))
		return path
	}
	command(t, "", "aws", "firehose", "--endpoint-url", p.url, "put-record", "--delivery-stream-name", "binary", "--record", "Data@=fileb://"+file("CLI"))
	command(t, largestScript, "python3", "-", p.url, file("boto-1"), file("boto-2"), file("boto-3"), file("boto-4"))

	records := p.url + "/v1/streams/binary/records"
	curl := func(body string, options ...string) {
		t.Helper()
		answer := command(t, "", "curl", append(options, "-sSf", "--data-binary", "@"+body, "-H", "Content-Type: application/octet-stream", records)...)
		if !strings.HasPrefix(answer, `{"records":1,`) {
			t.Errorf("curl %v: %s", options, answer)
		}
	}
	curl(file("curl-1.1"), "-H", "Expect: 100-continue")
	curl(file("curl-1.0"), "--http1.0")
	curl(file("curl-chunked"), "-H", "Transfer-Encoding: chunked")
	want = append(want, every("curl-gzip"))
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err := z.Write(every("curl-gzip"))
	must(t, err)
	must(t, z.Close())
	path := filepath.Join(dir, "zipped")
	must(t, os.WriteFile(path, zipped.Bytes(), 0o600))
	curl(path, "-H", "Transfer-Encoding: chunked", "-H", "Content-Encoding: gzip")

	p.delivered()
	var all []byte
	for _, content := range rawFiles(t, filepath.Join(dir, "binary")) {
		all = append(all, content...)
	}
	for _, record := range want {
		if n := bytes.Count(all, record); n != 1 {
			t.Errorf("%s is there %d times, want once", record[:12], n)
		}
	}
	if size := len(want) * len(want[0]); len(all) != size {
		t.Errorf("%d bytes are delivered, want %d", len(all), size)
	}
	p.stop()
}

const largestScript = `
import sys, boto3
from botocore.exceptions import ClientError
firehose = boto3.client("firehose", endpoint_url=sys.argv[1])
records = [{"Data": open(path, "rb").read()} for path in sys.argv[2:]]
answer = firehose.put_record_batch(DeliveryStreamName="binary", Records=records)
assert answer["FailedPutCount"] == 0 and len(answer["RequestResponses"]) == len(records), answer
for more in [records + [{"Data": b"x" * 200000}]], [[{"Data": b"x"}] * 501]:
    try:
        firehose.put_record_batch(DeliveryStreamName="binary", Records=more[0])
        raise SystemExit("too much was taken")
    except ClientError as e:
        assert e.response["Error"]["Code"] in ("InvalidArgumentException", "ValidationException"), e.response
        assert e.response["ResponseMetadata"]["RetryAttempts"] == 0, e.response
`

// A client that is told to slow down does, by itself, in every way that boto3 has, and nothing is stored twice.
func TestClientsWaitForTheirQuota(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	p := startIn(t, dir, fmt.Sprintf(limitsConfig, dir))
	var want []string
	for _, mode := range []string{"legacy", "standard", "adaptive"} {
		want = append(want, strings.Fields(command(t, quotaScript, "python3", "-", p.url, mode))...)
	}
	if p.metricOf("hydrant_throttled_records_total", "slow") == 0 {
		t.Error("nobody was told to slow down")
	}
	p.delivered()
	lines := map[string]int{}
	for _, content := range rawFiles(t, filepath.Join(dir, "slow")) {
		for line := range strings.Lines(content) {
			lines[strings.TrimRight(line, "x\n")]++
		}
	}
	for _, line := range want {
		if lines[line] != 1 {
			t.Errorf("%s is there %d times, want once", line, lines[line])
		}
	}
	if len(lines) != len(want) {
		t.Errorf("%d records are there, want %d", len(lines), len(want))
	}
	p.stop()
}

// A batch passes on credit; what follows waits until that is made up for. A machine may be so busy that it is meanwhile: then
// once more.
const quotaScript = `
import sys, boto3
from botocore.config import Config
endpoint, mode = sys.argv[1:3]
firehose = boto3.client("firehose", endpoint_url=endpoint, config=Config(retries={"mode": mode, "max_attempts": 12}))
data, waited = [], False
while not waited:
    part = [b"%s-%d" % (mode.encode(), len(data) + n) for n in range(6)]
    answer = firehose.put_record_batch(DeliveryStreamName="slow", Records=[{"Data": d + b"x" * 900000} for d in part[:4]])
    assert answer["FailedPutCount"] == 0, answer
    one = firehose.put_record(DeliveryStreamName="slow", Record={"Data": part[4]})
    assert one["RecordId"], one
    waited = one["ResponseMetadata"]["RetryAttempts"] > 0
    answer = firehose.put_record_batch(DeliveryStreamName="slow", Records=[{"Data": part[5]}])
    assert answer["FailedPutCount"] == 0, answer
    data += part
print("\n".join(d.decode() for d in data))
`
