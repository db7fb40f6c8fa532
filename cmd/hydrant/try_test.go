package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const triedConfig = `
streams:
  movies:
    prefix: "m/!{partitionKeyFromQuery:decade}/!{firehose:random-string}/!{timestamp:yyyy}/"
    error_prefix: "e/!{firehose:error-output-type}/"
    partition_keys: {decade: '.Year / 10 | floor * 10'}
    processing: {deaggregation: {type: json}}
    destination: {directory: {path: ./o}}
  plain:
    destination: {directory: {path: ./o}}
`

// try runs the command on sample records.
func try(t *testing.T, records string, arguments ...string) (code int, out, errs string) {
	t.Helper()
	dir := t.TempDir()
	config, sample := filepath.Join(dir, "c.yaml"), filepath.Join(dir, "sample")
	for path, text := range map[string]string{config: triedConfig, sample: records} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var o, e strings.Builder
	code = run(append([]string{"try", "--config", config, sample}, arguments...), console{Out: &o, Err: &e})
	return code, o.String(), e.String()
}

func TestTryShowsWhereRecordsGo(t *testing.T) {
	code, out, errs := try(t, `{"Year":1994}`+"\n\n"+`{"Year":2001}{"Year":null}`+"\n", "--stream", "movies", "--arrival", "2026-07-13T14:05:06Z")
	want := `1  m/1990/<random>/2026/movies-<version>-2026-07-13-14-05-06-<id>.gz
   decade = 1990
   record  {"Year":1994}
2  m/2000/<random>/2026/movies-<version>-2026-07-13-14-05-06-<id>.gz
   decade = 2000
   record  {"Year":2001}
2  e/processing-failed/movies-<version>-2026-07-13-14-05-06-<id>.gz
   error   DynamicPartitioning.MetadataExtractionFailed: the partition key decade (.Year / 10 | floor * 10) fails: null and number (10) cannot be divided
   record  {"Year":null}
`
	if code != exitFailed || out != want || !strings.Contains(errs, "2 records in, 3 out, 1 of them to the error output") {
		t.Errorf("exit %d, %s\n%s\nwant\n%s", code, errs, out, want)
	}
}

func TestTryAsJSON(t *testing.T) {
	code, out, errs := try(t, "{\"Year\":1994}\n{\"Year\":2001}\n", "--stream", "movies", "--json", "--whole", "--arrival", "2026-07-13T14:05:06Z")
	want := `{"input":1,"key":"m/1990/<random>/2026/movies-<version>-2026-07-13-14-05-06-<id>.gz",` +
		`"prefix":"m/1990/<random>/2026/","values":{"decade":"1990"},"record":"{\"Year\":1994}"}` + "\n"
	if code != exitGood || !strings.HasPrefix(out, want) || strings.Count(out, "\n") != 2 {
		t.Errorf("exit %d, %s\n%s\nwant\n%s", code, errs, out, want)
	}
}

func TestTryNeedsAStream(t *testing.T) {
	for _, test := range []struct {
		arguments []string
		want      string
	}{
		{nil, "which stream? write --stream with one of movies, plain"},
		{[]string{"--stream", "none"}, "the configuration has no stream none: it has movies, plain"},
		{[]string{"--stream", "plain", "--arrival", "noon"}, `--arrival "noon" is no time`},
	} {
		if code, _, errs := try(t, "{}", test.arguments...); code != exitFailed || !strings.Contains(errs, test.want) {
			t.Errorf("%v: exit %d: %s", test.arguments, code, errs)
		}
	}
}

// triedCreation is an input of CreateDeliveryStream, and triedDescription the same stream as DescribeDeliveryStream tells it.
const (
	triedMembers = `{"RoleARN":"arn:aws:iam::123456789012:role/r","BucketARN":"arn:aws:s3:::lake",
		"Prefix":"k=!{partitionKeyFromQuery:k}/","ErrorOutputPrefix":"e/","DynamicPartitioningConfiguration":{"Enabled":true},
		"ProcessingConfiguration":{"Enabled":true,"Processors":[{"Type":"MetadataExtraction","Parameters":[
			{"ParameterName":"MetadataExtractionQuery","ParameterValue":"{k: QUERY}"},{"ParameterName":"JsonParsingEngine","ParameterValue":"JQ-1.6"}]}]}`
	triedCreation    = `{"DeliveryStreamName":"orders","ExtendedS3DestinationConfiguration":` + triedMembers + `}}`
	triedDescription = `{"DeliveryStreamName":"orders","DeliveryStreamStatus":"ACTIVE","Destinations":[{"DestinationId":"destinationId-000000000001",
		"ExtendedS3DestinationDescription":` + triedMembers + `,"S3BackupMode":"Enabled",
		"S3BackupDescription":{"RoleARN":"arn:aws:iam::123456789012:role/r","BucketARN":"arn:aws:s3:::copies"}}}]}`
)

// A stream of the Firehose API is tried by what would create it, or by what describes it, with no configuration at all.
func TestTryOfTheFirehoseAPI(t *testing.T) {
	const want = `1  k=7/orders-<version>-2026-07-13-14-05-06-<id>
   k = 7
   record  {"k":7}
`
	for name, c := range map[string]struct{ file, query, out, errs string }{
		"creation":             {triedCreation, ".k", want, ""},
		"description":          {triedDescription, ".k", want, ""},
		"answer of the CLI":    {`{"DeliveryStreamDescription":` + triedDescription + `}`, ".k", want, ""},
		"mistyped query":       {triedCreation, ".k |", "", `file.json would be refused: MetadataExtractionQuery: the query {k: .k |}, position 9: "}" cannot stand here.`},
		"no call":              {`{"DeliveryStreamName":"orders"}`, "", "", "would be refused: Exactly one destination configuration is supported for a Firehose"},
		"another destination":  {`{"Destinations":[{"SplunkDestinationDescription":{}}]}`, "", "", "it describes no ExtendedS3DestinationDescription"},
		"not JSON":             {`orders`, "", "", "is not the JSON of an input"},
		"a slip of the pen":    {strings.Replace(triedCreation, `"Prefix"`, `"Prefixes"`, 1), ".k", "", `file.json: ExtendedS3DestinationConfiguration.Prefixes: unknown key; did you mean "Prefix"?`},
		"a constraint":         {`{"DeliveryStreamName":"o r","S3DestinationConfiguration":{}}`, "", "", "3 validation errors detected: Value at 'deliveryStreamName'"},
		"a Lambda, not called": {strings.Replace(triedCreation, `[{"Type"`, `[{"Type":"Lambda","Parameters":[{"ParameterName":"LambdaArn","ParameterValue":"arn:aws:lambda:us-east-1:123456789012:function:f"}]},{"Type"`, 1), ".k", "", "api_streams.lambda"},
	} {
		t.Run(name, func(t *testing.T) {
			file, sample := filepath.Join(t.TempDir(), "file.json"), filepath.Join(t.TempDir(), "sample")
			for path, text := range map[string]string{file: strings.Replace(c.file, "QUERY", c.query, 1), sample: `{"k":7}`} {
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var out, errs strings.Builder
			code := run([]string{"try", "--file", file, "--arrival", "2026-07-13T14:05:06Z", sample}, console{Out: &out, Err: &errs})
			if (code == exitGood) != (c.out != "") || out.String() != c.out || !strings.Contains(errs.String(), c.errs) {
				t.Errorf("exit %d, %s\n%s\nwant\n%s%s", code, errs.String(), out.String(), c.out, c.errs)
			}
		})
	}
}
