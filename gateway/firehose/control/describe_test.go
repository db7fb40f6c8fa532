package control

import (
	"encoding/json"
	"strings"
	"testing"

	"hydrant/stream"
)

const described = `{"DeliveryStreamDescription":{"DeliveryStreamName":"s","DeliveryStreamARN":"arn:aws:firehose:eu-central-1:123456789012:deliverystream/s",` +
	`"DeliveryStreamStatus":"ACTIVE","DeliveryStreamEncryptionConfiguration":{"Status":"DISABLED"},"DeliveryStreamType":"DirectPut","VersionId":"1",` +
	`"CreateTimestamp":1700000000.123,`

const destination = `"RoleARN":"arn:aws:iam::123456789012:role/delivery","BucketARN":"arn:aws:s3:::lake","BufferingHints":{"SizeInMBs":5,"IntervalInSeconds":300},` +
	`"CompressionFormat":"UNCOMPRESSED","EncryptionConfiguration":{"NoEncryptionConfig":"NoEncryption"},"CloudWatchLoggingOptions":{"Enabled":false}`

// The answers are AWS's, byte for byte: what was not said has AWS's defaults, in both shapes, and nothing more is there.
func TestDescriptions(t *testing.T) {
	for name, x := range map[string]struct{ create, want string }{
		"least": {
			creation("s", ""),
			described + `"Destinations":[{"DestinationId":"destinationId-000000000001","S3DestinationDescription":{` + destination +
				`},"ExtendedS3DestinationDescription":{` + destination + `,"S3BackupMode":"Disabled"}}],"HasMoreDestinations":false}}`,
		},
		"older shape": {
			`{"DeliveryStreamName":"s","DeliveryStreamType":"DirectPut","S3DestinationConfiguration":{` + role + `,` + bucket + `}}`,
			described + `"Destinations":[{"DestinationId":"destinationId-000000000001","S3DestinationDescription":{` + destination +
				`},"ExtendedS3DestinationDescription":{` + destination + `,"S3BackupMode":"Disabled"}}],"HasMoreDestinations":false}}`,
		},
		"stages that are off": {
			creation("s", `,"DynamicPartitioningConfiguration":{"Enabled":false},"DataFormatConversionConfiguration":{"Enabled":false},`+
				`"ProcessingConfiguration":{"Enabled":false,"Processors":[]},"CustomTimeZone":"Asia/Tokyo","FileExtension":""`),
			described + `"Destinations":[{"DestinationId":"destinationId-000000000001","S3DestinationDescription":{` + destination +
				`},"ExtendedS3DestinationDescription":{` + destination + `,"ProcessingConfiguration":{"Enabled":false,"Processors":[]},"S3BackupMode":"Disabled",` +
				`"DataFormatConversionConfiguration":{"Enabled":false},"DynamicPartitioningConfiguration":{"RetryOptions":{"DurationInSeconds":300},"Enabled":false},` +
				`"CustomTimeZone":"Asia/Tokyo","FileExtension":""}}],"HasMoreDestinations":false}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if got, want := w.good("CreateDeliveryStream", x.create), `{"DeliveryStreamARN":"arn:aws:firehose:eu-central-1:123456789012:deliverystream/s"}`; got != want {
				t.Errorf("create: got %s, want %s", got, want)
			}
			if got := w.good("DescribeDeliveryStream", `{"DeliveryStreamName":"s","Limit":1}`); got != canonical(t, x.want) {
				t.Errorf("got  %s\nwant %s", got, canonical(t, x.want))
			}
		})
	}
}

// everything is a destination that says all that can be said of one, as Terraform's provider does: what is described is
// compared with it, member by member. Its backup has another name in each of the shapes.
const everything = `{` + role + `,` + bucket + `,"Prefix":"k=!{partitionKeyFromQuery:k}/!{partitionKeyFromLambda:l}/!{timestamp:yyyy}/",
	"ErrorOutputPrefix":"e/!{firehose:error-output-type}/","BufferingHints":{"SizeInMBs":64,"IntervalInSeconds":60},"CompressionFormat":"GZIP",
	"EncryptionConfiguration":{"KMSEncryptionConfig":{"AWSKMSKeyARN":"arn:aws:kms:eu-central-1:123456789012:key/k"}},
	"CloudWatchLoggingOptions":{"Enabled":true,"LogGroupName":"/firehose/s","LogStreamName":"delivery"},
	"ProcessingConfiguration":{"Enabled":true,"Processors":[
		{"Type":"RecordDeAggregation","Parameters":[{"ParameterName":"SubRecordType","ParameterValue":"JSON"}]},
		{"Type":"AppendDelimiterToRecord","Parameters":[{"ParameterName":"Delimiter","ParameterValue":"\\n"}]},
		{"Type":"MetadataExtraction","Parameters":[{"ParameterName":"JsonParsingEngine","ParameterValue":"JQ-1.6"},
			{"ParameterName":"MetadataExtractionQuery","ParameterValue":"{k:.k}"}]},
		{"Type":"Lambda","Parameters":[{"ParameterName":"LambdaArn","ParameterValue":"` + functionARN + `"},
			{"ParameterName":"NumberOfRetries","ParameterValue":"2"},{"ParameterName":"BufferSizeInMBs","ParameterValue":"0.5"}]}]},
	"S3BackupMode":"Enabled","BACKUP":{` + role + `,` + bucket + `,"Prefix":"raw/","ErrorOutputPrefix":"raw-errors/","CompressionFormat":"Snappy",
		"BufferingHints":{"SizeInMBs":1,"IntervalInSeconds":0},"EncryptionConfiguration":{"NoEncryptionConfig":"NoEncryption"},
		"CloudWatchLoggingOptions":{"Enabled":false}},
	"DataFormatConversionConfiguration":{"Enabled":false},"CustomTimeZone":"Asia/Tokyo","FileExtension":".json.gz",
	"DynamicPartitioningConfiguration":{"Enabled":true,"RetryOptions":{"DurationInSeconds":301}}}`

// What is sent is described as it was sent, nothing more and nothing less, also after an update that sends all of it again;
// one that sends little changes no more than that.
func TestWhatIsSentIsDescribed(t *testing.T) {
	w := newWorld(t)
	w.restart(callingFunctions)
	sent := func(backup string) string { return strings.Replace(everything, "BACKUP", backup, 1) }
	update := func(version, members string) {
		t.Helper()
		w.good("UpdateDestination", `{"DeliveryStreamName":"s","CurrentDeliveryStreamVersionId":"`+version+`","DestinationId":"`+destinationID+`",`+
			`"ExtendedS3DestinationUpdate":`+members+`}`)
	}
	wantDescribed := func(version, want string) {
		t.Helper()
		got, err := json.Marshal(w.destinationOf("s"))
		if err != nil {
			t.Fatal(err)
		}
		if canonical(t, string(got)) != canonical(t, want) || w.described("s")["VersionId"] != version {
			t.Errorf("version %v: got  %s\nwant %s", w.described("s")["VersionId"], got, canonical(t, want))
		}
	}
	w.good("CreateDeliveryStream", `{"DeliveryStreamName":"s","ExtendedS3DestinationConfiguration":`+sent("S3BackupConfiguration")+`}`)
	wantDescribed("1", sent("S3BackupDescription"))
	update("1", sent("S3BackupUpdate"))
	wantDescribed("2", sent("S3BackupDescription"))
	update("2", `{"CompressionFormat":"ZIP","S3BackupUpdate":{"Prefix":"all/"}}`)
	wantDescribed("3", strings.NewReplacer(`"GZIP"`, `"ZIP"`, `"raw/"`, `"all/"`).Replace(sent("S3BackupDescription")))
}

// A stream of the configuration file is described as near as AWS's shapes come to it, and says whose it is.
func TestConfiguredStream(t *testing.T) {
	w := newWorld(t)
	d := stream.Stream{Name: "file", Destination: stream.Destination{Directory: &stream.Directory{Path: "/data/my objects"}}}.WithDefaults()
	w.node.configured = []stream.Stream{d}
	got := w.described("file")
	if got["VersionId"] != "7" || got["DeliveryStreamStatus"] != "ACTIVE" {
		t.Errorf("got %v", got)
	}
	to := w.destinationOf("file")
	if to["BucketARN"] != "arn:aws:s3:::my-objects" || to["CompressionFormat"] != "GZIP" || to["Prefix"] != d.Prefix {
		t.Errorf("got %v", to)
	}
	if got, want := w.good("ListTagsForDeliveryStream", `{"DeliveryStreamName":"file"}`),
		`{"HasMoreTags":false,"Tags":[{"Key":"hydrant:owner","Value":"configuration"}]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	const name = `{"DeliveryStreamName":"file"`
	for operation, body := range map[string]string{
		"DeleteDeliveryStream":         name + `}`,
		"TagDeliveryStream":            name + `,"Tags":[{"Key":"k"}]}`,
		"UntagDeliveryStream":          name + `,"TagKeys":["k"]}`,
		"StopDeliveryStreamEncryption": name + `}`,
		"UpdateDestination":            name + `,"CurrentDeliveryStreamVersionId":"7","DestinationId":"destinationId-000000000001","S3DestinationUpdate":{}}`,
	} {
		w.refused(operation, body, "invalid_argument", "Firehose file is defined in this node's configuration file")
	}
	w.refused("CreateDeliveryStream", creation("file", ""), "stream_in_use", "already exists")
}

// A stream has one destination: past it there is none.
func TestDescriptionsEnd(t *testing.T) {
	w := newWorld(t)
	w.create("s")
	for start, want := range map[string]int{"destinationId-000000000000": 1, destinationID: 0} {
		got := w.good("DescribeDeliveryStream", `{"DeliveryStreamName":"s","Limit":1,"ExclusiveStartDestinationId":"`+start+`"}`)
		if n := strings.Count(got, `"DestinationId"`); n != want || !strings.Contains(got, `"HasMoreDestinations":false`) {
			t.Errorf("after %s: got %s, want %d destinations", start, got, want)
		}
	}
}

// What keeps a stream from being delivered is told where an operator looks.
func TestTroubleIsDescribed(t *testing.T) {
	w := newWorld(t)
	w.create("s")
	w.node.trouble = "the bucket is gone"
	failure, _ := w.described("s")["FailureDescription"].(map[string]any)
	if failure["Type"] != "UNKNOWN_ERROR" || failure["Details"] != "the bucket is gone" {
		t.Errorf("got %v", failure)
	}
}

func TestListing(t *testing.T) {
	w := newWorld(t)
	if got, want := w.good("ListDeliveryStreams", `{}`), `{"DeliveryStreamNames":[],"HasMoreDeliveryStreams":false}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, name := range []string{"b", "a", "d", "c"} {
		w.create(name)
	}
	for body, want := range map[string]string{
		`{}`:          `{"DeliveryStreamNames":["a","b","c","d"],"HasMoreDeliveryStreams":false}`,
		`{"Limit":2}`: `{"DeliveryStreamNames":["a","b"],"HasMoreDeliveryStreams":true}`,
		`{"Limit":2,"ExclusiveStartDeliveryStreamName":"b"}`: `{"DeliveryStreamNames":["c","d"],"HasMoreDeliveryStreams":false}`,
		`{"DeliveryStreamType":"MSKAsSource"}`:               `{"DeliveryStreamNames":[],"HasMoreDeliveryStreams":false}`,
	} {
		if got := w.good("ListDeliveryStreams", body); got != want {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
	}
	answer, err := w.Call(t.Context(), "ListDeliveryStreams", []byte(`{}`), anyone{"c"})
	if want := `{"DeliveryStreamNames":["c"],"HasMoreDeliveryStreams":false}`; err != nil || string(answer) != want {
		t.Errorf("who may see c: got %s, error %v; want %s", answer, err, want)
	}
	for operation := range operations {
		body := `{"DeliveryStreamName":"a","CurrentDeliveryStreamVersionId":"1","DestinationId":"x","TagKeys":["a"],"Tags":[{"Key":"a"}]}`
		if _, err := w.Call(t.Context(), operation, []byte(body), anyone{"c"}); err == nil && operation != "ListDeliveryStreams" {
			t.Errorf("%s is done by who may not", operation)
		}
	}
}
