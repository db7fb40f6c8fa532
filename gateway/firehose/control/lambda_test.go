package control

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"hydrant/gateway/ingest"
	"hydrant/stream"
)

const functionARN = "arn:aws:lambda:eu-central-1:123456789012:function:clean:$LATEST"

// callingFunctions is a node that assumes roles, for buckets and for functions.
var callingFunctions = Config{
	Account: "123456789012", Region: "eu-central-1", Place: Place{Role: RoleAssumed},
	Functions: Functions{Endpoint: "http://127.0.0.1:9001", Region: "eu-west-1", Profile: "functions", Role: RoleAssumed},
}

// lambda is a Lambda processor with more parameters, by turns.
func lambda(more ...string) map[string]any {
	return processor("Lambda", append([]string{"LambdaArn", functionARN}, more...)...)
}

// processed is the members of a call that asks for processors and nothing else.
func processed(t *testing.T, processors ...map[string]any) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"Enabled": true, "Processors": processors})
	if err != nil {
		t.Fatal(err)
	}
	return `,"ProcessingConfiguration":` + string(text)
}

func TestLambdaProcessor(t *testing.T) {
	w := newWorld(t)
	w.restart(callingFunctions)
	const other = "arn:aws:iam::123456789012:role/functions"
	for i, x := range []struct {
		parameters []string
		want       stream.Transform
		role       string
	}{
		{nil, stream.Transform{}, "arn:aws:iam::123456789012:role/delivery"},
		{[]string{"RoleArn", other, "NumberOfRetries", "0", "BufferSizeInMBs", "0.2", "BufferIntervalInSeconds", "900"}, stream.Transform{
			Retries: new(0), Buffering: stream.Batching{Size: 209715, Interval: new(stream.Duration(15 * time.Minute))},
		}, other},
		{[]string{"NumberOfRetries", "300", "BufferSizeInMBs", "3.0", "BufferIntervalInSeconds", "0"}, stream.Transform{
			Retries: new(300), Buffering: stream.Batching{Size: 3 * stream.MiB, Interval: new(stream.Duration(0))},
		}, "arn:aws:iam::123456789012:role/delivery"},
	} {
		name := fmt.Sprint("s", i)
		given := processed(t, lambda(x.parameters...))
		w.good("CreateDeliveryStream", creation(name, given))
		x.want.Lambda = &stream.Lambda{ARN: functionARN, Endpoint: "http://127.0.0.1:9001", Region: "eu-west-1", Profile: "functions", RoleARN: x.role}
		want := stream.Stream{Transform: &x.want}.WithDefaults().Transform
		if d, _ := w.node.served(name); !reflect.DeepEqual(d.Transform, want) {
			t.Errorf("served is %s, want the function %+v", d.Encode(), want)
		}
		got, err := json.Marshal(w.destinationOf(name)["ProcessingConfiguration"])
		if _, asked, _ := strings.Cut(given, ":"); err != nil || string(got) != canonical(t, asked) {
			t.Errorf("described is %s, want %s", got, asked)
		}
	}
	if d, _ := w.node.served("s0"); *d.Transform.Retries != 3 || d.Transform.Buffering.Size != stream.MiB || *d.Transform.Buffering.Interval != stream.Duration(time.Minute) {
		t.Errorf("the defaults are not Firehose's: %s", d.Encode())
	}
}

// A function comes and goes with updates, which leave it alone where they do not speak of processing.
func TestLambdaProcessorIsUpdated(t *testing.T) {
	w := newWorld(t)
	w.restart(callingFunctions)
	w.create("s")
	for version, x := range []struct {
		change string
		want   string // the function's ARN
	}{
		{`"Prefix":"a/"`, ""},
		{processed(t, lambda())[1:], functionARN},
		{`"Prefix":"b/"`, functionARN},
		{processed(t, lambda("NumberOfRetries", "7"))[1:], functionARN},
		{`"ProcessingConfiguration":{"Enabled":false}`, ""},
	} {
		w.good("UpdateDestination", fmt.Sprintf(`{"DeliveryStreamName":"s","DestinationId":"destinationId-000000000001","CurrentDeliveryStreamVersionId":"%d",`+
			`"ExtendedS3DestinationUpdate":{%s}}`, version+1, x.change))
		d, _ := w.node.served("s")
		if called := d.Transform; (called != nil) != (x.want != "") || called != nil && called.Name() != x.want {
			t.Errorf("after %s served is %s", x.change, d.Encode())
		}
	}
}

func TestLambdaProcessorRules(t *testing.T) {
	w := newWorld(t)
	w.restart(callingFunctions)
	for i, x := range []struct {
		parameters []string
		want       string
	}{
		{[]string{"NumberOfRetries", "301"}, `NumberOfRetries "301" of the Lambda processor is not valid: it must be a whole number from 0 to 300.`},
		{[]string{"NumberOfRetries", "-1"}, `NumberOfRetries "-1"`},
		{[]string{"NumberOfRetries", "1.5"}, `NumberOfRetries "1.5"`},
		{[]string{"BufferSizeInMBs", "0.19"}, `BufferSizeInMBs "0.19" of the Lambda processor is not valid: it must be a number from 0.2 to 3.`},
		{[]string{"BufferSizeInMBs", "3.1"}, `BufferSizeInMBs "3.1"`},
		{[]string{"BufferSizeInMBs", "NaN"}, `BufferSizeInMBs "NaN"`},
		{[]string{"BufferSizeInMBs", "much"}, `BufferSizeInMBs "much"`},
		{[]string{"BufferIntervalInSeconds", "901"}, `BufferIntervalInSeconds "901" of the Lambda processor is not valid: it must be a whole number from 0 to 900.`},
		{[]string{"RoleArn", "delivery"}, `RoleArn "delivery" of the Lambda processor is not valid: it must be the ARN of a role.`},
		{[]string{"NumberOfRetries", "1", "NumberOfRetries", "2"}, "The parameter NumberOfRetries of the processor type Lambda is given twice."},
		{[]string{"Delimiter", "x"}, "The parameter Delimiter is not valid for the processor type Lambda."},
	} {
		w.refused("CreateDeliveryStream", creation(fmt.Sprint("s", i), processed(t, lambda(x.parameters...))), ingest.InvalidArgument, x.want)
	}
	w.refused("CreateDeliveryStream", creation("s", processed(t, processor("Lambda", "LambdaArn", "clean"))), ingest.InvalidArgument,
		`LambdaArn: "clean" is no ARN of a Lambda function: write one such as arn:`)
}

// Keys of prefixes come from a query, from a function or from both, and each needs its processor.
func TestKeysOfFunctions(t *testing.T) {
	w := newWorld(t)
	w.restart(callingFunctions)
	const query, function = "!{partitionKeyFromQuery:k}/", "!{partitionKeyFromLambda:f}/"
	extract := extraction("{k: .k}")
	w.good("CreateDeliveryStream", creation("function", partitioned(t, map[string]any{"Prefix": function}, lambda())))
	w.good("CreateDeliveryStream", creation("both", partitioned(t, map[string]any{"Prefix": query + function}, lambda(), extract)))
	if d, _ := w.node.served("both"); d.Prefix != query+function || d.PartitionKeys["k"] != ".k" || d.Transform == nil {
		t.Errorf("served is %s", d.Encode())
	}
	for prefix, x := range map[string]struct {
		processor map[string]any
		want      string
	}{
		query + function: {extract, "Processing Configuration must have a Lambda processor when Prefix contains the namespace partitionKeyFromLambda."},
		query:            {lambda(), "Processing Configuration must have a MetadataExtraction processor when Prefix contains the namespace partitionKeyFromQuery."},
		"static/":        {lambda(), "Prefix must contain Dynamic Partitioning Namespaces when Dynamic Partitioning is enabled"},
	} {
		w.refused("CreateDeliveryStream", creation("s", partitioned(t, map[string]any{"Prefix": prefix}, x.processor)), ingest.InvalidArgument, x.want)
	}
}
