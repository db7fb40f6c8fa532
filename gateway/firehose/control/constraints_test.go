package control

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/schemas"
	"pgregory.net/rapid"

	"hydrant/gateway/ingest"
)

// What is wrong is told in AWS's words, all of it at once.
func TestConstraintMessages(t *testing.T) {
	w := newWorld(t)
	const value = "Value at '"
	for _, x := range []struct{ operation, body, want string }{
		{"DescribeDeliveryStream", `{}`, "1 validation error detected: " + value + "deliveryStreamName' failed to satisfy constraint: Member must not be null"},
		{"DescribeDeliveryStream", `{"DeliveryStreamName":null}`, "1 validation error detected: " + value + "deliveryStreamName' failed to satisfy constraint: Member must not be null"},
		{
			"DescribeDeliveryStream", `{"DeliveryStreamName":"a b","Limit":0}`,
			"2 validation errors detected: " + value + "deliveryStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; " +
				value + "limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
		},
		{
			"CreateDeliveryStream", creation("s", `,"CompressionFormat":"gzip"`),
			"1 validation error detected: " + value + "extendedS3DestinationConfiguration.compressionFormat' failed to satisfy constraint: " +
				"Member must satisfy enum value set: [ZIP, HADOOP_SNAPPY, Snappy, GZIP, UNCOMPRESSED]",
		},
		{
			"CreateDeliveryStream", creation("s", `,"ProcessingConfiguration":{"Processors":[{"Type":"Lambda"},{"Type":"Lamda"}]}`),
			"1 validation error detected: " + value + "extendedS3DestinationConfiguration.processingConfiguration.processors.2.member.type' failed to satisfy constraint: " +
				"Member must satisfy enum value set: [RecordDeAggregation, Decompression, CloudWatchLogProcessing, Lambda, MetadataExtraction, AppendDelimiterToRecord]",
		},
		{"UntagDeliveryStream", `{"DeliveryStreamName":"s","TagKeys":[]}`, "1 validation error detected: " + value + "tagKeys' failed to satisfy constraint: Member must have length greater than or equal to 1"},
	} {
		_, err := w.call(x.operation, x.body)
		if e := ingest.AsError(err); e.Code != ingest.Validation || e.Detail != x.want {
			t.Errorf("%s %s:\ngot  %s %s\nwant %s", x.operation, x.body, e.Code, e.Detail, x.want)
		}
	}
}

// An answer does not grow with the number of faults: a body of a mebibyte can hold hundreds of thousands.
func TestManyFaults(t *testing.T) {
	w := newWorld(t)
	faults := (maxBody - 1000) / len("{},")
	many := strings.Repeat("{},", faults-1) + "{}"
	_, err := w.call("CreateDeliveryStream", creation("s", `,"ProcessingConfiguration":{"Processors":[`+many+`]}`))
	e := ingest.AsError(err)
	if e.Code != ingest.Validation || !strings.HasPrefix(e.Detail, fmt.Sprintf("%d validation errors detected: Value at ", faults)) {
		t.Errorf("got %s %.100s", e.Code, e.Detail)
	}
	if most := 20_000; len(e.Detail) > most {
		t.Errorf("the message has %d bytes, want at most %d", len(e.Detail), most)
	}
}

func TestWrongTypes(t *testing.T) {
	w := newWorld(t)
	for body, want := range map[string]string{
		``:                                       "the body is not valid JSON",
		`{"DeliveryStreamName":"s"`:              "the body is not valid JSON",
		`{"DeliveryStreamName":"s"}}`:            "goes on after its JSON object",
		`[]`:                                     "the body must be an object",
		`{"DeliveryStreamName":1}`:               "deliveryStreamName must be a string",
		`{"DeliveryStreamName":"s","Limit":1.5}`: "limit must be a whole number",
		`{"DeliveryStreamName":"s","Limit":"1"}`: "limit must be a whole number",
	} {
		w.refused("DescribeDeliveryStream", body, ingest.InvalidJSON, want)
	}
	w.refused("CreateDeliveryStream", `{"DeliveryStreamName":"s","Tags":{}}`, ingest.InvalidJSON, "tags must be an array")
	w.refused("Nonsense", `{}`, ingest.UnknownOperation)
	w.refused("ListDeliveryStreams", `{"x":"`+strings.Repeat("x", maxBody)+`"}`, ingest.BodyTooLarge)
}

// generate makes a value of a shape that satisfies the model; fields are left out at random.
func generate(t *rapid.T, m *model, name string) any {
	s := m.Shapes[name]
	switch s.Type {
	case "structure":
		value := map[string]any{}
		for _, member := range slices.Sorted(maps.Keys(s.Members)) {
			if slices.Contains(s.Required, member) || rapid.IntRange(0, 3).Draw(t, member) == 0 {
				value[member] = generate(t, m, s.Members[member])
			}
		}
		return value
	case "list":
		least := 0
		if s.Min != nil {
			least = int(*s.Min)
		}
		value := make([]any, rapid.IntRange(least, least+2).Draw(t, name))
		for i := range value {
			value[i] = generate(t, m, s.Member)
		}
		return value
	case "map":
		return map[string]any{"key": generate(t, m, s.Value)}
	case "boolean":
		return rapid.Bool().Draw(t, name)
	case "integer", "double":
		least, most := 0, 1<<30
		if s.Min != nil {
			least = int(*s.Min)
		}
		if s.Max != nil {
			most = int(*s.Max)
		}
		return rapid.IntRange(least, most).Draw(t, name)
	case "timestamp":
		return rapid.IntRange(0, 1<<32).Draw(t, name)
	}
	return generateText(t, name, s)
}

// samples are texts for patterns that random ones hardly meet within their length.
var samples = map[string]string{
	"ClusterJDBCURL":             "jdbc:redshift://a-b.c.redshift.amazonaws.com:5439/db",
	"SnowflakeAccountUrl":        "https://account.snowflakecomputing.com",
	"SnowflakePrivateKey":        strings.Repeat("AAAA", 64),
	"SnowflakePrivateLinkVpceId": "com.amazonaws.vpce.eu-central-1.vpce-svc-12345678901234567",
	"VpcEndpointServiceName":     "com.amazonaws.vpce.eu-central-1.vpce-svc-12345678901234567",
}

func generateText(t *rapid.T, name string, s *shape) string {
	if sample, ok := samples[name]; ok {
		return sample
	}
	if len(s.Enum) > 0 {
		return rapid.SampledFrom(s.Enum).Draw(t, name)
	}
	pattern := s.Pattern
	for _, lookaround := range []string{`^(?!\s*$)`, `^(?!aws:)`} {
		pattern = strings.Replace(pattern, lookaround, "", 1)
	}
	if pattern == "" || pattern == ".*" || strings.HasSuffix(pattern, ".+") || strings.Contains(pattern, `\p{`) || strings.Contains(pattern, `\u`) || strings.HasPrefix(pattern, `^\S`) {
		pattern = "[a-z0-9]+"
	}
	least, most := 0, 1<<20
	if s.Min != nil {
		least = int(*s.Min)
	}
	if s.Max != nil {
		most = int(*s.Max)
	}
	generator := rapid.StringMatching(pattern).Filter(func(text string) bool {
		return len(text) >= least && len(text) <= most && (s.matches == nil || s.matches(text))
	})
	return generator.Draw(t, name)
}

// Whatever satisfies the model is taken, and nothing of it is lost on the way into the SDK's types.
func TestValidCallsAreTaken(t *testing.T) {
	m := firehoseModel()
	rapid.Check(t, func(t *rapid.T) {
		body, err := json.Marshal(generate(t, m, "CreateDeliveryStreamInput"))
		if err != nil {
			t.Fatal(err)
		}
		in := new(firehose.CreateDeliveryStreamInput)
		if err := decode("CreateDeliveryStream", body, in); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		again, err := encode(output{in, schemas.CreateDeliveryStreamInput})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := sorted(t, again), sorted(t, body); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

func sorted(t *rapid.T, text []byte) string {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	out, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// Every bound, pattern and enumeration of every shape is checked: a value just beyond it is refused, with its path.
func TestEveryConstraintIsChecked(t *testing.T) {
	m, checked := firehoseModel(), 0
	for name, s := range m.Shapes {
		for what, value := range beyond(s) {
			c := checker{model: m}
			if _, err := c.value(name, "path.to", value); err != nil {
				t.Errorf("%s, %s: %v", name, what, err)
			}
			if !slices.ContainsFunc(c.faults, func(fault string) bool {
				return strings.HasPrefix(fault, "Value at 'path.to") && strings.Contains(fault, "Member must "+what)
			}) {
				t.Errorf("%s: %.60v is taken, want the fault %q; got %q", name, value, what, c.faults)
			}
			checked++
		}
	}
	if checked < 280 {
		t.Errorf("only %d constraints were checked", checked)
	}
}

// beyond are values that break one constraint each, by the words of its fault.
func beyond(s *shape) map[string]any {
	values := map[string]any{}
	if len(s.Required) > 0 {
		values["not be null"] = map[string]any{}
	}
	if len(s.Enum) > 0 {
		values["satisfy enum value set: ["] = "no such value"
	}
	if s.Pattern != "" && s.Pattern != ".*" {
		values["satisfy regular expression pattern: "+s.Pattern] = " \n:\x00"
	}
	sized := func(n int) any {
		if s.Type == "list" {
			return make([]any, n)
		}
		return strings.Repeat("x", n)
	}
	number := s.Type == "integer" || s.Type == "double"
	if s.Min != nil && number {
		values[fmt.Sprintf("have value greater than or equal to %.0f", *s.Min)] = json.Number(fmt.Sprint(int(*s.Min) - 1))
	} else if s.Min != nil && *s.Min > 0 {
		values[fmt.Sprintf("have length greater than or equal to %.0f", *s.Min)] = sized(int(*s.Min) - 1)
	}
	if s.Max != nil && number {
		values[fmt.Sprintf("have value less than or equal to %.0f", *s.Max)] = json.Number(fmt.Sprint(int(*s.Max) + 1))
	} else if s.Max != nil {
		values[fmt.Sprintf("have length less than or equal to %.0f", *s.Max)] = sized(int(*s.Max) + 1)
	}
	return values
}

// The patterns that Go cannot read as they stand mean what they mean in AWS.
func TestTranslatedPatterns(t *testing.T) {
	for name, texts := range map[string]map[string]bool{
		"TagKey":         {"key": true, "aws": true, "aws:x": false, "Schlüssel mit Leerzeichen": true, "a\tb": false, "a;b": false},
		"NonEmptyString": {"x": true, " x ": true, " ": false, "a\nb": false},
		"ClusterJDBCURL": {
			"jdbc:redshift://a.b.redshift.amazonaws.com:5439/db": true, "jdbc:redshift://-a.redshift.amazonaws.com:5439/db": false,
			"jdbc:redshift://a-.redshift.amazonaws.com:5439/db": false,
		},
		"DatabaseName":       {"a": true, "": true, "\x00": false},
		"CustomTimeZone":     {"": true, "Asia/Tokyo": true, "Etc/GMT+5": false},
		"FileExtension":      {"": true, ".json": true, "json": false, ".JSON": false},
		"DeliveryStreamName": {"a": true, "a b": false, "a\n": false},
	} {
		for text, want := range texts {
			if got := firehoseModel().Shapes[name].matches(text); got != want {
				t.Errorf("%s: %q matches: got %v, want %v", name, text, got, want)
			}
		}
	}
	for name, s := range firehoseModel().Shapes {
		if _, err := regexp.Compile(s.Pattern); err != nil && s.matches == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// No body makes the control plane fail.
func FuzzCall(f *testing.F) {
	f.Add("CreateDeliveryStream", creation("s", `,"Prefix":"!{timestamp:yyyy}/","ErrorOutputPrefix":"e/"`))
	f.Add("UpdateDestination", fmt.Sprintf(update, "1", `"Prefix":"b/"`))
	f.Add("TagDeliveryStream", `{"DeliveryStreamName":"s","Tags":[{"Key":"k","Value":"v"}]}`)
	f.Fuzz(func(t *testing.T, operation, body string) {
		w := newWorld(t)
		w.create("s")
		_, err := w.Call(context.Background(), operation, []byte(body), anyone(nil))
		if err != nil && ingest.AsError(err).Code == ingest.Internal {
			t.Errorf("%s %q: %v", operation, body, err)
		}
	})
}
