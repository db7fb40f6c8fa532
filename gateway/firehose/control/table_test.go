package control

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"pgregory.net/rapid"

	"hydrant/gateway/ingest"
)

var updateTable = flag.Bool("update", false, "write the table in README.md anew")

// partly are the members of which this version takes only some values, by member.
var partly = map[string]string{
	"CreateDeliveryStream.DeliveryStreamType": "`DirectPut` only",
	"DynamicPartitioningConfiguration":        "`RetryOptions` are described; what cannot be delivered is tried again without end",
	"DataFormatConversionConfiguration":       "`Enabled: false` only",
}

// sdkOperations are the inputs of all of the service's operations, as the SDK's client has them.
func sdkOperations() map[string]reflect.Type {
	found := map[string]reflect.Type{}
	client := reflect.TypeFor[*firehose.Client]()
	for i := range client.NumMethod() {
		m := client.Method(i)
		if m.Type.NumIn() >= 3 && strings.HasSuffix(m.Type.In(2).String(), "."+m.Name+"Input") {
			found[m.Name] = m.Type.In(2).Elem()
		}
	}
	return found
}

// membersOf are the names of a structure's members.
func membersOf(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && f.Name != "ResultMetadata" {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return names
}

// The table in the README is what the program does, for every operation and member that the SDK knows.
func TestTableOfOperations(t *testing.T) {
	const file, begin, end = "../../../README.md", "<!-- operations: made by a test -->\n", "<!-- end of operations -->"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(text), begin)
	_, tail, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no %q and %q", file, begin, end)
	}
	want := head + begin + table() + end + tail
	if *updateTable {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Error("the table in README.md does not say what the program does: run go test ./gateway/firehose/control -run Table -update")
	}
}

func table() string {
	var out bytes.Buffer
	out.WriteString("| operation or shape | honoured | in part | refused |\n|---|---|---|---|\n")
	inputs := sdkOperations()
	var names []string
	for name := range inputs {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		row(&out, name, membersOf(inputs[name]))
	}
	row(&out, "ExtendedS3DestinationConfiguration", membersOf(reflect.TypeFor[types.ExtendedS3DestinationConfiguration]()))
	row(&out, "ExtendedS3DestinationUpdate", membersOf(reflect.TypeFor[types.ExtendedS3DestinationUpdate]()))
	row(&out, "S3DestinationConfiguration", membersOf(reflect.TypeFor[types.S3DestinationConfiguration]()))
	row(&out, "S3DestinationUpdate", membersOf(reflect.TypeFor[types.S3DestinationUpdate]()))
	return out.String()
}

func row(out *bytes.Buffer, name string, members []string) {
	var honoured, inPart, refused []string
	for _, member := range members {
		_, whole := notBuilt[name][""]
		_, not := notBuilt[name][member]
		only, part := partly[member]
		if !part {
			only, part = partly[name+"."+member]
		}
		switch {
		case whole || not || only == "refused":
			refused = append(refused, "`"+member+"`")
		case part:
			inPart = append(inPart, "`"+member+"`: "+only)
		default:
			honoured = append(honoured, "`"+member+"`")
		}
	}
	fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", name, strings.Join(honoured, ", "), strings.Join(inPart, ", "), strings.Join(refused, ", "))
}

// What the table calls served is served, by an operation that decodes the SDK's own input.
func TestEveryOperationIsServed(t *testing.T) {
	for name := range sdkOperations() {
		if _, ok := operations[name]; !ok && name != "PutRecord" && name != "PutRecordBatch" {
			t.Errorf("%s is not served", name)
		}
	}
	if len(operations) != 10 {
		t.Errorf("%d operations are served, want 10", len(operations))
	}
}

// What the table calls refused is refused, whatever its value, and makes nothing.
func TestWhatIsNotBuiltIsRefused(t *testing.T) {
	w := newWorld(t)
	w.create("s")
	m := firehoseModel()
	for operation, refused := range notBuilt {
		for member, why := range refused {
			if member == "" {
				w.refused(operation, `{"DeliveryStreamName":"s"}`, ingest.InvalidArgument, why)
				continue
			}
			shape := m.Shapes[m.Operations[operation]].Members[member]
			value := rapid.Custom(func(t *rapid.T) any { return generate(t, m, shape) }).Example(1)
			body := map[string]any{"DeliveryStreamName": "t", member: value}
			if operation == "UpdateDestination" {
				body["DeliveryStreamName"], body["CurrentDeliveryStreamVersionId"], body["DestinationId"] = "s", "1", destinationID
			}
			if !strings.Contains(member, "Destination") {
				body["S3DestinationConfiguration"] = json.RawMessage(`{` + role + `,` + bucket + `}`)
			}
			text, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			w.refused(operation, string(text), ingest.InvalidArgument, member+" is not supported by this version of Hydrant: "+why)
		}
	}
	for member, value := range map[string]string{
		"DataFormatConversionConfiguration": `{}`,
	} {
		w.refused("CreateDeliveryStream", creation("t", `,"`+member+`":`+value), ingest.InvalidArgument, "is not supported by this version of Hydrant")
	}
	w.refused("CreateDeliveryStream", creation("t", `,"Prefix":"!{partitionKeyFromQuery:k}/","ErrorOutputPrefix":"e/"`), ingest.InvalidArgument,
		"Dynamic Partitioning Namespaces can only be part of a prefix expression when Dynamic Partitioning is enabled.")
	w.refused("CreateDeliveryStream", strings.Replace(creation("t", ""), "{", `{"DeliveryStreamType":"KinesisStreamAsSource",`, 1), ingest.InvalidArgument, "DirectPut")
	const exactlyOne = "Exactly one destination configuration is supported for a Firehose"
	w.refused("CreateDeliveryStream", `{"DeliveryStreamName":"t"}`, ingest.InvalidArgument, exactlyOne)
	w.refused("CreateDeliveryStream", strings.Replace(creation("t", ""), "{", `{"S3DestinationConfiguration":{`+role+`,`+bucket+`},`, 1), ingest.InvalidArgument, exactlyOne)
	if got := w.good("ListDeliveryStreams", `{}`); got != canonical(t, `{"DeliveryStreamNames":["s"],"HasMoreDeliveryStreams":false}`) {
		t.Errorf("what was refused has made %s", got)
	}
}

// Rules of Firehose that no constraint of the model says.
func TestSemanticRules(t *testing.T) {
	w := newWorld(t)
	for more, want := range map[string]string{
		`"BufferingHints":{"SizeInMBs":5}`:                               "BufferingHints must specify both SizeInMBs and IntervalInSeconds",
		`"EncryptionConfiguration":{}`:                                   "exactly one of NoEncryptionConfig and KMSEncryptionConfig",
		`"CloudWatchLoggingOptions":{"Enabled":true,"LogGroupName":"g"}`: "must specify LogGroupName and LogStreamName",
	} {
		w.refused("CreateDeliveryStream", creation("s", ","+more), ingest.InvalidArgument, want)
	}
}

// The rules of prefixes, in AWS's words where those are known.
func TestPrefixRules(t *testing.T) {
	w := newWorld(t)
	const static = "b/"
	for _, rule := range []struct{ prefix, errors, want string }{
		{"!{timestamp:yyyy}/", "", "ErrorOutputPrefix cannot be null or empty when Prefix contains expressions"},
		{"!{firehose:random-string}/", "", "ErrorOutputPrefix cannot be null or empty when Prefix contains expressions"},
		{"!{firehose:error-output-type}/", static, "Prefix cannot contain !{firehose:error-output-type}"},
		{static, "!{timestamp:yyyy}/", "ErrorOutputPrefix must contain !{firehose:error-output-type} when it contains expressions"},
		{static, "!{firehose:error-output-type}/!{partitionKeyFromQuery:k}/", "ErrorOutputPrefix cannot contain the namespaces partitionKeyFrom"},
		{static, "!{partitionKeyFromLambda:k}/", "ErrorOutputPrefix cannot contain the namespaces partitionKeyFrom"},
		{"!{nonsense:x}/", static, `Prefix: !{nonsense:x}: the namespace "nonsense" is not supported`},
		{"!{timestamp:yyyy", static, "Prefix: the expression that begins at position 1 is not closed"},
		{"!{timestamp:fff}/", static, "Prefix: !{timestamp:fff}: "},
		{strings.Repeat("x/", 257), "", "Prefix: the evaluated prefix has 528 characters; the limit is 512"},
		{static, strings.Repeat("x/", 257), "ErrorOutputPrefix: the evaluated prefix has 559 characters; the limit is 512"},
	} {
		text, err := json.Marshal(map[string]string{"Prefix": rule.prefix, "ErrorOutputPrefix": rule.errors})
		if err != nil {
			t.Fatal(err)
		}
		more := "," + strings.Trim(string(text), "{}") + `,"CustomTimeZone":"UTC"`
		w.refused("CreateDeliveryStream", creation("s", more), ingest.InvalidArgument, prefixConstraint+rule.want)
	}
	for _, namespace := range []string{"Query", "Lambda"} {
		w.refused("CreateDeliveryStream", creation("s", `,"Prefix":"!{partitionKeyFrom`+namespace+`:k}/","ErrorOutputPrefix":"e/"`), ingest.InvalidArgument,
			"Dynamic Partitioning Namespaces can only be part of a prefix expression when Dynamic Partitioning is enabled.")
	}
	for _, zone := range []string{"EST", "CET", "GMT"} {
		w.refused("CreateDeliveryStream", creation("s", `,"CustomTimeZone":"`+zone+`"`), ingest.InvalidArgument, `CustomTimeZone: the abbreviation "`+zone+`"`)
	}
	w.good("CreateDeliveryStream", creation("s", `,"Prefix":"static/","ErrorOutputPrefix":"","CustomTimeZone":"UTC"`))
	if s, _ := w.node.served("s"); s.Prefix != "static/"+timePrefix || s.ErrorPrefix != "static/"+errorPrefix {
		t.Errorf("an empty ErrorOutputPrefix is not as none: %s, %s", s.Prefix, s.ErrorPrefix)
	}
}

// honoured are values of every member of a destination that the table calls honoured.
var honoured = map[string]string{
	"RoleARN": `"arn:aws:iam::123456789012:role/other"`, "BucketARN": `"arn:aws:s3:::other"`, "Prefix": `"other/"`, "ErrorOutputPrefix": `"bad/"`,
	"BufferingHints": `{"SizeInMBs":7,"IntervalInSeconds":77}`, "CompressionFormat": `"ZIP"`, "CustomTimeZone": `"Asia/Tokyo"`, "FileExtension": `".json"`,
	"EncryptionConfiguration":  `{"KMSEncryptionConfig":{"AWSKMSKeyARN":"arn:aws:kms:eu-central-1:123456789012:key/k"}}`,
	"CloudWatchLoggingOptions": `{"Enabled":true,"LogGroupName":"g","LogStreamName":"s"}`,
	"S3BackupMode":             `"Enabled"`,
	"S3BackupConfiguration":    backupConfiguration,
	"ProcessingConfiguration": `{"Enabled":true,"Processors":[{"Type":"Decompression","Parameters":[{"ParameterName":"CompressionFormat","ParameterValue":"GZIP"}]},` +
		`{"Type":"Lambda","Parameters":[{"ParameterName":"LambdaArn","ParameterValue":"` + functionARN + `"},{"ParameterName":"NumberOfRetries","ParameterValue":"5"}]}]}`,
}

// backupConfiguration says all that a backup's configuration can.
const backupConfiguration = `{"RoleARN":"arn:aws:iam::123456789012:role/backup","BucketARN":"arn:aws:s3:::copies","Prefix":"raw/","ErrorOutputPrefix":"bad/",` +
	`"BufferingHints":{"SizeInMBs":9,"IntervalInSeconds":99},"CompressionFormat":"GZIP",` +
	`"EncryptionConfiguration":{"KMSEncryptionConfig":{"AWSKMSKeyARN":"arn:aws:kms:eu-central-1:123456789012:key/b"}},` +
	`"CloudWatchLoggingOptions":{"Enabled":true,"LogGroupName":"bg","LogStreamName":"bs"}}`

// What the table calls honoured of an update changes what is described, and leaves the rest.
func TestWhatUpdatesHonour(t *testing.T) {
	for shape, members := range map[string][]string{
		"ExtendedS3DestinationUpdate": membersOf(reflect.TypeFor[types.ExtendedS3DestinationUpdate]()),
		"S3DestinationUpdate":         membersOf(reflect.TypeFor[types.S3DestinationUpdate]()),
	} {
		for _, member := range members {
			if _, part := partly[member]; part {
				continue
			}
			w := newWorld(t)
			w.restart(callingFunctions)
			w.good("CreateDeliveryStream", creation("s", `,"S3BackupConfiguration":{`+role+`,`+bucket+`}`))
			before := w.destinationOf("s")
			value, described := honoured[member], member
			if member == "S3BackupUpdate" {
				value, described = backupConfiguration, "S3BackupDescription"
			}
			w.good("UpdateDestination", `{"DeliveryStreamName":"s","DestinationId":"`+destinationID+`","CurrentDeliveryStreamVersionId":"1","`+
				shape+`":{"`+member+`":`+value+`}}`)
			after := w.destinationOf("s")
			got, err := json.Marshal(after[described])
			if err != nil || string(got) != canonical(t, value) {
				t.Errorf("%s.%s: described as %s, want %s", shape, member, got, value)
			}
			delete(before, described)
			delete(after, described)
			if !reflect.DeepEqual(before, after) {
				t.Errorf("%s.%s: the rest has become %v from %v", shape, member, after, before)
			}
		}
	}
}

// What the table calls honoured changes what is described, and all but the name of a log what is served.
func TestWhatIsHonoured(t *testing.T) {
	w := newWorld(t)
	w.restart(callingFunctions)
	w.create("s")
	plain, _ := w.node.served("s")
	for _, member := range membersOf(reflect.TypeFor[types.ExtendedS3DestinationConfiguration]()) {
		if _, part := partly[member]; part {
			continue
		}
		more := `,"` + member + `":` + honoured[member]
		if strings.HasPrefix(member, "S3Backup") { // the two go together
			more = `,"S3BackupMode":"Enabled","S3BackupConfiguration":` + backupConfiguration
		}
		w.good("CreateDeliveryStream", creation("t", more))
		got, err := json.Marshal(w.destinationOf("t")[strings.Replace(member, "BackupConfiguration", "BackupDescription", 1)])
		if err != nil || string(got) != canonical(t, honoured[member]) {
			t.Errorf("%s: described as %s, want %s", member, got, honoured[member])
		}
		served, _ := w.node.served("t")
		served.Name = "s"
		if bytes.Equal(served.Encode(), plain.Encode()) && member != "CloudWatchLoggingOptions" {
			t.Errorf("%s is accepted and ignored", member)
		}
		w.good("DeleteDeliveryStream", `{"DeliveryStreamName":"t"}`)
		w.finishLeaving(t.Context())
	}
}
