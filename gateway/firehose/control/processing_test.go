package control

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"hydrant/gateway/ingest"
	"hydrant/stream"
)

// processor is one processor of a call: its type, then its parameters by turns.
func processor(kind string, parameters ...string) map[string]any {
	given := []map[string]string{}
	for i := 0; i < len(parameters); i += 2 {
		given = append(given, map[string]string{"ParameterName": parameters[i], "ParameterValue": parameters[i+1]})
	}
	return map[string]any{"Type": kind, "Parameters": given}
}

func extraction(query string) map[string]any {
	return processor("MetadataExtraction", "MetadataExtractionQuery", query, "JsonParsingEngine", "JQ-1.6")
}

// partitioned is the members of a call that asks for dynamic partitioning, with changes; a nil takes a member away.
func partitioned(t *testing.T, changes map[string]any, processors ...map[string]any) string {
	t.Helper()
	members := map[string]any{
		"Prefix": "p/!{partitionKeyFromQuery:k}/", "ErrorOutputPrefix": "e/",
		"BufferingHints":                   map[string]int{"SizeInMBs": 64, "IntervalInSeconds": 60},
		"DynamicPartitioningConfiguration": map[string]bool{"Enabled": true},
		"ProcessingConfiguration":          map[string]any{"Enabled": true, "Processors": processors},
	}
	for member, value := range changes {
		if members[member] = value; value == nil {
			delete(members, member)
		}
	}
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return "," + string(text[1:len(text)-1])
}

func TestProcessorsAreServed(t *testing.T) {
	w := newWorld(t)
	w.good("CreateDeliveryStream", creation("s", partitioned(t, map[string]any{"Prefix": "p/!{partitionKeyFromQuery:k}/!{partitionKeyFromQuery:y}/"},
		processor("RecordDeAggregation", "SubRecordType", "DELIMITED", "Delimiter", "IyMjIw=="),
		processor("Decompression", "CompressionFormat", "GZIP"),
		processor("CloudWatchLogProcessing", "DataMessageExtraction", "true"),
		processor("AppendDelimiterToRecord", "Delimiter", `\n`),
		extraction(`{k: .a.b, y: (.ts | strftime("%Y"))}`),
	)))
	d, _ := w.node.served("s")
	want := stream.Processing{
		Decompression: "gzip", CloudWatchLogs: "messages", Deaggregation: &stream.Deaggregation{Type: "delimited", Delimiter: "####"},
	}
	if !reflect.DeepEqual(d.Processing, want) || *d.Delimiter != "\n" || d.PartitionKeys["k"] != ".a.b" || !strings.Contains(d.PartitionKeys["y"], `strftime("%Y")`) {
		t.Errorf("served is %s", d.Encode())
	}
	processing, _ := json.Marshal(w.destinationOf("s")["ProcessingConfiguration"])
	for _, part := range []string{`"Enabled":true`, `"IyMjIw=="`, `"JQ-1.6"`, `"Delimiter"`} {
		if !strings.Contains(string(processing), part) {
			t.Errorf("described is %s, without %s", processing, part)
		}
	}
	w.good("CreateDeliveryStream", creation("plain", `,"ProcessingConfiguration":{"Enabled":true,"Processors":[{"Type":"RecordDeAggregation","Parameters":`+
		`[{"ParameterName":"SubRecordType","ParameterValue":"JSON"}]},{"Type":"AppendDelimiterToRecord"}]}`))
	if d, _ := w.node.served("plain"); d.Processing.Deaggregation == nil || *d.Delimiter != "\n" {
		t.Errorf("served is %s", d.Encode())
	}
}

// Without hints a stream with dynamic partitioning has AWS's for it, which are within AWS's bounds.
func TestHintsOfDynamicPartitioning(t *testing.T) {
	w := newWorld(t)
	w.good("CreateDeliveryStream", creation("s", partitioned(t, map[string]any{"BufferingHints": nil}, extraction("{k: .k}"))))
	if d, _ := w.node.served("s"); d.Buffering.Size != 128*stream.MiB || time.Duration(d.Buffering.Interval) != 5*time.Minute {
		t.Errorf("served with %+v", d.Buffering)
	}
	hints, _ := json.Marshal(w.destinationOf("s")["BufferingHints"])
	if want := `{"IntervalInSeconds":300,"SizeInMBs":128}`; string(hints) != want {
		t.Errorf("described with %s, want %s", hints, want)
	}
}

func TestProcessorRules(t *testing.T) {
	w := newWorld(t)
	good := extraction("{k: .k}")
	hints := func(size, interval int) map[string]any {
		return map[string]any{"BufferingHints": map[string]int{"SizeInMBs": size, "IntervalInSeconds": interval}}
	}
	prefix := func(prefix string) map[string]any { return map[string]any{"Prefix": prefix} }
	for i, x := range []struct {
		changes    map[string]any
		processors []map[string]any
		want       string
	}{
		{hints(63, 60), []map[string]any{good}, "BufferingHints.SizeInMBs must be at least 64 when Dynamic Partitioning is enabled."},
		{hints(64, 59), []map[string]any{good}, "BufferingHints.IntervalInSeconds must be at least 60 seconds when Dynamic Partitioning is enabled."},
		{prefix("static/"), []map[string]any{good}, "Prefix must contain Dynamic Partitioning Namespaces"},
		{map[string]any{"Prefix": nil}, []map[string]any{good}, "Prefix must contain Dynamic Partitioning Namespaces"},
		{map[string]any{"ErrorOutputPrefix": nil}, []map[string]any{good}, "ErrorOutputPrefix cannot be null or empty"},
		{map[string]any{"DynamicPartitioningConfiguration": nil, "Prefix": "static/"}, []map[string]any{good}, "can only be used when Dynamic Partitioning is enabled"},
		{map[string]any{"DynamicPartitioningConfiguration": nil}, []map[string]any{good}, "Dynamic Partitioning Namespaces can only be part"},
		{nil, []map[string]any{processor("AppendDelimiterToRecord")}, "must have a MetadataExtraction processor when Dynamic Partitioning is enabled"},
		{nil, nil, "must have at least one processor"},
		{nil, []map[string]any{good, good}, "more than one processor of type MetadataExtraction"},
		{nil, []map[string]any{good, processor("Lambda")}, "The processor type Lambda must have the parameter LambdaArn"},
		{nil, []map[string]any{good, lambda()}, "The processor type Lambda cannot be used on this node: its configuration does not say how functions are called (api_streams.lambda)"},
		{nil, []map[string]any{processor("MetadataExtraction", "MetadataExtractionQuery", "{k: .k}")}, "must have the parameter JsonParsingEngine"},
		{nil, []map[string]any{processor("MetadataExtraction", "MetadataExtractionQuery", "{k: .k}", "JsonParsingEngine", "JQ-1.7")}, "it must be JQ-1.6"},
		{nil, []map[string]any{good, processor("Decompression", "CompressionFormat", "ZSTD")}, "it must be GZIP"},
		{nil, []map[string]any{good, processor("CloudWatchLogProcessing", "DataMessageExtraction", "true")}, "must follow the Decompression processor"},
		{nil, []map[string]any{good, processor("RecordDeAggregation", "SubRecordType", "DELIMITED")}, "must have the parameter Delimiter when SubRecordType is DELIMITED"},
		{nil, []map[string]any{good, processor("RecordDeAggregation", "SubRecordType", "DELIMITED", "Delimiter", "#")}, "it must be base64"},
		{nil, []map[string]any{good, processor("RecordDeAggregation", "SubRecordType", "XML")}, "it must be JSON or DELIMITED"},
		{nil, []map[string]any{good, processor("RecordDeAggregation")}, "must have the parameter SubRecordType"},
		{nil, []map[string]any{good, processor("AppendDelimiterToRecord", "RoleArn", "x")}, "The parameter RoleArn is not valid"},
		{nil, []map[string]any{extraction(".k")}, "the query must make one object of keys"},
		{nil, []map[string]any{extraction("{k: now}")}, "now cannot be used"},
		{nil, []map[string]any{extraction("{k: .k | nosuch}")}, "MetadataExtractionQuery: key k: "},
		{nil, []map[string]any{extraction("{k: .k")}, "MetadataExtractionQuery: "},
		{nil, []map[string]any{extraction("{k: .k, unused: .u}")}, "has keys that Prefix does not use: unused"},
		{prefix("!{partitionKeyFromQuery:other}/!{partitionKeyFromQuery:k}/"), []map[string]any{good}, `"other" is not declared: add it to MetadataExtractionQuery`},
	} {
		w.refused("CreateDeliveryStream", creation(fmt.Sprint("s", i), partitioned(t, x.changes, x.processors...)), ingest.InvalidArgument, x.want)
	}
}

func TestPartitioningIsForLife(t *testing.T) {
	w := newWorld(t)
	w.good("CreateDeliveryStream", creation("s", partitioned(t, nil, extraction("{k: .k}"))))
	const update = `{"DeliveryStreamName":"s","DestinationId":"destinationId-000000000001","CurrentDeliveryStreamVersionId":"1","ExtendedS3DestinationUpdate":{%s}}`
	w.refused("UpdateDestination", fmt.Sprintf(update, `"DynamicPartitioningConfiguration":{"Enabled":false}`), ingest.InvalidArgument, "cannot be disabled")
	w.good("UpdateDestination", fmt.Sprintf(update, `"ProcessingConfiguration":{"Enabled":true,"Processors":[{"Type":"MetadataExtraction","Parameters":[`+
		`{"ParameterName":"MetadataExtractionQuery","ParameterValue":". as $r | {k: $r.other}"},{"ParameterName":"JsonParsingEngine","ParameterValue":"JQ-1.6"}]}]}`))
	if d, _ := w.node.served("s"); !strings.Contains(d.PartitionKeys["k"], "$r.other") {
		t.Errorf("served is %s", d.Encode())
	}
}

// A stream of the configuration file is described by processors that make the same of a record.
func TestConfiguredProcessingIsDescribed(t *testing.T) {
	d := stream.Stream{
		Name: "s", PartitionKeys: map[string]string{"a": ".a", "b": ".b | tostring"},
		Processing: stream.Processing{
			Decompression: "gzip", CloudWatchLogs: "messages", Deaggregation: &stream.Deaggregation{Type: "delimited", Delimiter: "####"},
		},
		Transform: &stream.Transform{Lambda: &stream.Lambda{ARN: functionARN}, Buffering: stream.Batching{Size: 256 * stream.KiB}},
	}.WithDefaults()
	back := stream.Stream{Name: "s"}
	described := describeProcessing(d)
	found, err := processorsOf(&types.ExtendedS3DestinationConfiguration{ProcessingConfiguration: described})
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []func(*stream.Stream, processors) error{setDecompression, setDeaggregation, setKeys, setDelimiter} {
		if err := set(&back, found); err != nil {
			t.Fatal(err)
		}
	}
	plane := &Plane{config: Config{Functions: Functions{Role: RoleIgnored}}}
	if err := plane.setLambda(&back, &types.ExtendedS3DestinationConfiguration{RoleARN: aws.String("arn:aws:iam::123456789012:role/delivery")}, found); err != nil {
		t.Fatal(err)
	}
	if back = back.WithDefaults(); !reflect.DeepEqual(back.Transform, d.Transform) {
		t.Errorf("got the function %+v, want %+v", back.Transform, d.Transform)
	}
	if !reflect.DeepEqual(back.Processing, d.Processing) || back.PartitionKeys["a"] != ".a" || *back.Delimiter != "\n" {
		t.Errorf("got %+v", back)
	}
}
