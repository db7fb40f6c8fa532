package control

import (
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// terraformCall is one of what Terraform sent.
type terraformCall struct {
	operation, body                                                 string
	DeliveryStreamName                                              string
	ExtendedS3DestinationConfiguration, ExtendedS3DestinationUpdate map[string]any
}

func terraformCalls(t *testing.T) (calls []terraformCall) {
	t.Helper()
	for line := range strings.Lines(readFile(t, "testdata/terraform.txt")) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		operation, body, _ := strings.Cut(strings.TrimSpace(line), " ")
		c := terraformCall{operation: operation, body: body}
		if err := json.Unmarshal([]byte(body), &c); err != nil {
			t.Fatal(err)
		}
		calls = append(calls, c)
	}
	return calls
}

// asDescribed is what AWS describes of a destination that the provider has sent. The provider says all but what it takes from
// the description where nothing is written.
func asDescribed(sent map[string]any) map[string]any {
	want := map[string]any{"CloudWatchLoggingOptions": map[string]any{"Enabled": false}}
	for name, value := range sent {
		switch name {
		case "S3BackupConfiguration", "S3BackupUpdate":
			want["S3BackupDescription"] = asDescribed(value.(map[string]any))
		default:
			want[name] = value
		}
	}
	return want
}

// Every call that Terraform made is taken, and what its provider then reads is what it wrote, nothing more and nothing less:
// a plan has nothing to do.
func TestTerraformReadsWhatItWrote(t *testing.T) {
	w := newWorld(t)
	w.restart(callingFunctions)
	version, seen := 0, 0
	for _, c := range terraformCalls(t) {
		name := c.DeliveryStreamName
		w.good(c.operation, c.body)
		switch c.operation {
		case "DeleteDeliveryStream":
			w.finishLeaving(t.Context())
			w.refused("DescribeDeliveryStream", `{"DeliveryStreamName":"`+name+`"}`, "stream_not_found", name+" not found")
			continue
		case "CreateDeliveryStream":
			version = 0
		}
		sent := c.ExtendedS3DestinationConfiguration
		if sent == nil {
			sent = c.ExtendedS3DestinationUpdate
		}
		if sent == nil {
			continue
		}
		version++
		seen++
		if got, want := jsonOf(t, w.destinationOf(name)), jsonOf(t, asDescribed(sent)); got != want {
			t.Errorf("%s %d: a plan would differ:\ngot  %s\nwant %s", name, version, got, want)
		}
		if got := w.described(name)["VersionId"]; got != strconv.Itoa(version) {
			t.Errorf("%s: got version %v, want %d", name, got, version)
		}
	}
	if seen < 11 {
		t.Errorf("only %d destinations are in the file", seen)
	}
}

func jsonOf(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The example is what was recorded: each value that its resource writes is one that Terraform sent. What the page on the API
// shows of it is in it.
func TestTerraformExample(t *testing.T) {
	example := readFile(t, "../../../configs/terraform/main.tf")
	_, resource, found := strings.Cut(example, "\nresource ")
	values := regexp.MustCompile(`= ("(?:[^"\\]|\\.)*"|\d+)`).FindAllStringSubmatch(resource, -1)
	if !found || len(values) < 15 {
		t.Fatalf("the example has %d values", len(values))
	}
	first := terraformCalls(t)[0].body
	for _, value := range values {
		if v := value[1]; !strings.Contains(first, v) && v != `"extended_s3"` {
			t.Errorf("Terraform has not sent %s, which the example has", v)
		}
	}
	blocks := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllStringSubmatch(readFile(t, "../../../docs/firehose.md"), -1)
	if len(blocks) != 2 {
		t.Fatalf("the page has %d blocks of the example, want 2", len(blocks))
	}
	for _, block := range blocks {
		for line := range strings.Lines(block[1]) {
			if !strings.Contains(example, line) {
				t.Errorf("the page shows %q, which is not in the example", line)
			}
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
