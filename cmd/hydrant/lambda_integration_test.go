//go:build integration

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// lambdaService speaks Lambda's Invoke API. Its one function writes records in capitals, has their first letter as a partition
// key, and drops and fails those that say so. It fails as a whole at its first call.
type lambdaService struct {
	t *testing.T

	mu      sync.Mutex
	calls   int
	streams map[string]bool // the ARNs of the streams that it was called for
}

const lambdaARN = "arn:aws:lambda:eu-west-1:123456789012:function:capitals:live"

func (s *lambdaService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	type record struct {
		RecordID string         `json:"recordId"`
		Result   string         `json:"result"`
		Data     []byte         `json:"data"`
		Metadata map[string]any `json:"metadata,omitempty"`
	}
	var message struct {
		DeliveryStreamArn string   `json:"deliveryStreamArn"`
		Records           []record `json:"records"`
	}
	if err := json.NewDecoder(r.Body).Decode(&message); err != nil || r.URL.Path != "/2015-03-31/functions/"+lambdaARN+"/invocations" ||
		!strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/lambda/aws4_request") {
		s.t.Errorf("%s %s, signed %q, is no call of the function: %v", r.Method, r.URL.Path, r.Header.Get("Authorization"), err)
	}
	s.mu.Lock()
	s.calls++
	first := s.calls == 1
	s.streams[message.DeliveryStreamArn] = true
	s.mu.Unlock()
	if first {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		_, _ = w.Write([]byte(`{"errorMessage":"not yet"}`))
		return
	}
	for i := range message.Records {
		one := &message.Records[i]
		text := string(one.Data)
		switch {
		case strings.Contains(text, "drop"):
			one.Result = "Dropped"
		case strings.Contains(text, "fail"):
			one.Result = "ProcessingFailed"
		default:
			one.Result, one.Data = "Ok", []byte(strings.ToUpper(text))
			one.Metadata = map[string]any{"partitionKeys": map[string]string{"first": text[:1]}}
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"records": message.Records})
}

// A stream with a Lambda processor, made and changed by boto3, gives its records to the function of a server of the Invoke
// API, as does one of the configuration file. Both tell it the ARN that the API describes.
func TestLambdaProcessorThroughTheAPI(t *testing.T) {
	t.Parallel() // it mostly waits
	service := &lambdaService{t: t, streams: map[string]bool{}}
	server := httptest.NewServer(service)
	defer server.Close()
	dir := t.TempDir()
	buckets := filepath.Join(dir, "buckets")
	p := startIn(t, dir, fmt.Sprintf(`
data_dir: %s/data
api_streams: {directory: %s, account: "123456789012", region: eu-central-1, lambda: {role: ignore, endpoint: %q}}
streams:
  file:
    prefix: file/
    transform: {lambda: {arn: %q, endpoint: %q}, buffering: {interval: 100ms}}
    destination: {directory: {path: %s/lake}}
`, dir, buckets, server.URL, lambdaARN, server.URL, buckets), append(clientEnvironment, "HYDRANT_BUFFER_MAX_DISK=1GiB")...)
	command(t, functionWithBoto, "python3", "-", p.url, lambdaARN)
	p.post("file", "application/x-ndjson", "one\n")
	p.stop() // it delivers what is buffered

	got := map[string]int{}
	for key, content := range rawFiles(t, filepath.Join(buckets, "lake")) {
		if strings.HasPrefix(key, "made/") {
			got[filepath.Dir(key)+" "+content]++
		} else if strings.HasPrefix(key, "bad/processing-failed/") && strings.Contains(content, `"errorCode":"Lambda.ProcessingFailedStatus"`) &&
			strings.Contains(content, `"lambdaArn":"`+lambdaARN+`"`) {
			got["bad"] += strings.Count(content, "\n")
		}
	}
	want := map[string]int{"made/first=a AONEATWO": 1, "made/first=b BONE": 1, "made/first=c CONE": 1, "bad": 1}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("delivered is %v, want %v; all there is:\n%v", got, want, rawFiles(t, buckets))
	}
	if file := files(t, filepath.Join(buckets, "lake", "file")); fmt.Sprint(len(file)) != "1" || !strings.Contains(fmt.Sprint(file), "ONE") {
		t.Errorf("the file's stream has delivered %v", file)
	}
	for _, name := range []string{"made", "file"} {
		if arn := "arn:aws:firehose:eu-central-1:123456789012:deliverystream/" + name; !service.streams[arn] || len(service.streams) != 2 {
			t.Errorf("the function was called for %v, want %s", service.streams, arn)
		}
	}
}

// hydrant try gives sample records to a function in Lambda where that is asked for, again after a call that failed, and shows
// where each goes.
func TestTryCallsLambda(t *testing.T) {
	t.Parallel() // it mostly waits
	service := &lambdaService{t: t, streams: map[string]bool{}}
	server := httptest.NewServer(service)
	defer server.Close()
	config, sample := filepath.Join(t.TempDir(), "c.yaml"), filepath.Join(t.TempDir(), "sample")
	must(t, os.WriteFile(config, fmt.Appendf(nil, `
api_streams: {account: "123456789012", region: eu-central-1}
streams:
  words:
    prefix: "w/!{partitionKeyFromLambda:first}/"
    error_prefix: "e/!{firehose:error-output-type}/"
    transform: {lambda: {arn: %q, endpoint: %q}}
    destination: {directory: {path: ./o}}
`, lambdaARN, server.URL), 0o600))
	try := func(records string) (string, error) {
		must(t, os.WriteFile(sample, []byte(records), 0o600))
		return runHydrant(t.Context(), t, clientEnvironment, "try", "--config", config, "--call", "--arrival", "2026-07-13T14:05:06Z", sample)
	}
	out, err := try("one\ntwo\ndrop\n")
	want := `1  w/o/words-<version>-2026-07-13-14-05-06-<id>.gz
   first = o
   record  ONE
2  w/t/words-<version>-2026-07-13-14-05-06-<id>.gz
   first = t
   record  TWO
3  dropped: processing leaves nothing of it
`
	if err != nil || out != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
	service.mu.Lock()
	if arn := "arn:aws:firehose:eu-central-1:123456789012:deliverystream/words"; service.calls != 2 || !service.streams[arn] {
		t.Errorf("%d calls, for %v: want one that failed and one more, for %s", service.calls, service.streams, arn)
	}
	service.mu.Unlock()
	out, err = try("fail\n")
	if err == nil || !strings.Contains(out, "error   Lambda.ProcessingFailedStatus") || !strings.HasSuffix(out, "record  fail\n") {
		t.Errorf("a record that the function fails on: %v\n%s", err, out)
	}
}

const functionWithBoto = `
import sys, boto3
firehose = boto3.client("firehose", endpoint_url=sys.argv[1], region_name="eu-central-1")
def processor(retries):
    return {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": [
        {"ParameterName": "LambdaArn", "ParameterValue": sys.argv[2]}, {"ParameterName": "NumberOfRetries", "ParameterValue": retries},
        {"ParameterName": "RoleArn", "ParameterValue": "arn:aws:iam::123456789012:role/functions"},
        {"ParameterName": "BufferSizeInMBs", "ParameterValue": "0.5"}, {"ParameterName": "BufferIntervalInSeconds", "ParameterValue": "0"}]}]}
firehose.create_delivery_stream(DeliveryStreamName="made", ExtendedS3DestinationConfiguration={
    "RoleARN": "arn:aws:iam::123456789012:role/delivery", "BucketARN": "arn:aws:s3:::lake",
    "Prefix": "made/first=!{partitionKeyFromLambda:first}/", "ErrorOutputPrefix": "bad/!{firehose:error-output-type}/",
    "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 60}, "DynamicPartitioningConfiguration": {"Enabled": True},
    "ProcessingConfiguration": processor("1")})
def destination():
    d = firehose.describe_delivery_stream(DeliveryStreamName="made")["DeliveryStreamDescription"]
    return d["VersionId"], d["Destinations"][0]["ExtendedS3DestinationDescription"]
assert destination()[1]["ProcessingConfiguration"] == processor("1"), destination()
firehose.put_record_batch(DeliveryStreamName="made", Records=[{"Data": d} for d in (b"aone", b"drop", b"fail", b"atwo")])
firehose.put_record(DeliveryStreamName="made", Record={"Data": b"bone"})
firehose.update_destination(DeliveryStreamName="made", CurrentDeliveryStreamVersionId="1", DestinationId="destinationId-000000000001",
    ExtendedS3DestinationUpdate={"ProcessingConfiguration": processor("2")})
version, after = destination()
assert version == "2" and after["ProcessingConfiguration"] == processor("2") and after["Prefix"].startswith("made/"), after
firehose.put_record(DeliveryStreamName="made", Record={"Data": b"cone"})
`
