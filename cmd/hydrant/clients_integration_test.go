//go:build integration

package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
)

// clientConfig has two streams into one destination, one of them partitioned by a field of real data.
func clientConfig(dir, destination string) string {
	return fmt.Sprintf(`
data_dir: %s
streams:
  plain:
    buffering: {size: 1MiB, interval: 1s}
    prefix: "plain/!{timestamp:yyyy/MM/dd}/"
    destination:
      %s
  flights:
    buffering: {size: 64MiB, interval: 2s}
    prefix: "flights/origin=!{partitionKeyFromQuery:origin}/"
    partition_keys: {origin: .origin}
    destination:
      %s
`, filepath.Join(dir, "data"), destination, destination)
}

// files returns the decompressed objects of a tree by key, read with the standard library alone.
func files(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if strings.HasPrefix(e.Name(), ".") { // leases and probes
				return filepath.SkipDir
			}
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		content, err := io.ReadAll(z)
		key, _ := filepath.Rel(root, path)
		out[key] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The real data of a real package, partitioned by a field: every line under its own origin, and all of them once.
func TestFlightsByOrigin(t *testing.T) {
	raw, err := os.ReadFile("../../.bin/vega-datasets/data/flights-20k.json")
	if err != nil {
		t.Fatalf("%v: run .ci/setup", err)
	}
	var flights []json.RawMessage
	if err := json.Unmarshal(raw, &flights); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	objects := filepath.Join(dir, "objects")
	p := startIn(t, dir, clientConfig(dir, fmt.Sprintf("directory: {path: %s}", objects)))
	want := map[string]int{}
	for chunk := flights; len(chunk) > 0; {
		n := min(len(chunk), 5000)
		var body bytes.Buffer
		for _, flight := range chunk[:n] {
			var line bytes.Buffer
			if err := json.Compact(&line, flight); err != nil {
				t.Fatal(err)
			}
			want[line.String()]++
			body.Write(line.Bytes())
			body.WriteByte('\n')
		}
		p.post("flights", "application/x-ndjson", body.String())
		chunk = chunk[n:]
	}
	p.delivered()
	lines := 0
	for key, content := range files(t, objects) {
		for line := range strings.Lines(content) {
			line = strings.TrimSuffix(line, "\n")
			var flight struct{ Origin string }
			if err := json.Unmarshal([]byte(line), &flight); err != nil {
				t.Fatalf("%s: %v", key, err)
			}
			if !strings.HasPrefix(key, "flights/origin="+flight.Origin+"/") {
				t.Errorf("a flight from %s is in %s", flight.Origin, key)
			}
			want[line]--
			lines++
		}
	}
	if lines != 20000 {
		t.Errorf("%d lines, want 20000", lines)
	}
	for line, left := range want {
		if left != 0 {
			t.Errorf("%d times too few: %s", left, line)
		}
	}
}

// The clients that people have, unchanged but for the endpoint, into a real S3 server.
func TestRealClientsIntoS3(t *testing.T) {
	d := s3Destination(t)
	dir := t.TempDir()
	p := startIn(t, dir, clientConfig(dir, d.yaml), d.environment...)
	var want []string
	for name, send := range map[string]func(*testing.T, string) []string{
		"aws CLI":    sendWithCLI,
		"boto3":      sendWithBoto3,
		"SDK for Go": sendWithGo,
	} {
		t.Run(name, func(t *testing.T) { want = append(want, send(t, p.url)...) })
	}
	p.delivered()
	var all strings.Builder
	for _, content := range files(t, d.objects) {
		all.WriteString(content)
	}
	for _, line := range want {
		if n := strings.Count(all.String(), line+"\n"); n != 1 {
			t.Errorf("%s is there %d times, want once", line, n)
		}
	}
	if n := strings.Count(all.String(), "\n"); n != len(want) {
		t.Errorf("%d lines, want %d", n, len(want))
	}
}

// The key pair of the tests' clients. A node without credentials takes any.
const clientKey, clientSecret = "CLIENT", "the secret of the tests' clients"

var clientEnvironment = []string{
	"AWS_ACCESS_KEY_ID=" + clientKey, "AWS_SECRET_ACCESS_KEY=" + clientSecret, "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
}

func command(t *testing.T, stdin, name string, arguments ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, arguments...)
	// Version 2 of the CLI takes data as text only when told so; version 1 does not know the setting and takes it anyway.
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte("[default]\ncli_binary_format = raw-in-base64-out\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(append(os.Environ(), "AWS_CONFIG_FILE="+config), clientEnvironment...)
	cmd.Stdin = strings.NewReader(stdin)
	var diagnosis bytes.Buffer
	cmd.Stderr = &diagnosis
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s%s", name, arguments, err, out, diagnosis.String())
	}
	return string(out)
}

func sendWithCLI(t *testing.T, endpoint string) []string {
	aws := func(arguments ...string) map[string]any {
		t.Helper()
		out := command(t, "", "aws", append([]string{"firehose", "--endpoint-url", endpoint, "--output", "json"}, arguments...)...)
		var answer map[string]any
		if err := json.Unmarshal([]byte(out), &answer); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return answer
	}
	if id, _ := aws("put-record", "--delivery-stream-name", "plain", "--record", `{"Data":"{\"cli\":1}"}`)["RecordId"].(string); id == "" {
		t.Error("put-record answered without a record id")
	}
	answer := aws("put-record-batch", "--delivery-stream-name", "plain", "--records", `[{"Data":"{\"cli\":2}"},{"Data":"{\"cli\":3}"}]`)
	if answer["FailedPutCount"] != 0.0 || len(answer["RequestResponses"].([]any)) != 2 {
		t.Errorf("put-record-batch answered %v", answer)
	}
	return []string{`{"cli":1}`, `{"cli":2}`, `{"cli":3}`}
}

const botoScript = `
import sys, boto3, botocore
firehose = boto3.client("firehose", endpoint_url=sys.argv[1])
assert firehose.put_record(DeliveryStreamName="plain", Record={"Data": b'{"boto":0}'})["RecordId"]
answer = firehose.put_record_batch(DeliveryStreamName="plain", Records=[{"Data": b'{"boto":%d}' % n} for n in range(1, 500)])
assert answer["FailedPutCount"] == 0 and len(answer["RequestResponses"]) == 499, answer
assert len({r["RecordId"] for r in answer["RequestResponses"]}) == 499
try:
    firehose.put_record(DeliveryStreamName="absent", Record={"Data": b"x"})
    raise SystemExit("a record for a stream that does not exist was taken")
except firehose.exceptions.ResourceNotFoundException:
    pass
try:
    firehose.put_record(DeliveryStreamName="plain", Record={"Data": b"x" * 1024001})
    raise SystemExit("a record above the limit was taken")
except botocore.exceptions.ClientError as e:
    assert e.response["Error"]["Code"] in ("ValidationException", "InvalidArgumentException"), e.response
`

func sendWithBoto3(t *testing.T, endpoint string) []string {
	command(t, botoScript, "python3", "-", endpoint)
	var want []string
	for n := range 500 {
		want = append(want, fmt.Sprintf(`{"boto":%d}`, n))
	}
	return want
}

func sendWithGo(t *testing.T, endpoint string) []string {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	client := firehose.New(firehose.Options{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(clientKey, clientSecret, ""),
	})
	out, err := client.PutRecordBatch(ctx, &firehose.PutRecordBatchInput{
		DeliveryStreamName: aws.String("plain"),
		Records:            []types.Record{{Data: []byte(`{"go":1}`)}, {Data: []byte(`{"go":2}`)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if *out.FailedPutCount != 0 || len(out.RequestResponses) != 2 {
		t.Errorf("PutRecordBatch answered %+v", out)
	}
	return []string{`{"go":1}`, `{"go":2}`}
}
