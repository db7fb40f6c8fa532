package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hydrant/delivery/deliverytest"
)

// tryFunction runs the command on sample records of a stream with a function.
func tryFunction(t *testing.T, transform, records string, arguments ...string) (code int, out, errs string) {
	t.Helper()
	config, sample := filepath.Join(t.TempDir(), "c.yaml"), filepath.Join(t.TempDir(), "sample")
	for path, text := range map[string]string{config: fmt.Sprintf(`
streams:
  words:
    prefix: "w/!{partitionKeyFromLambda:first}/"
    error_prefix: "e/!{firehose:error-output-type}/"
    processing: {deaggregation: {type: delimited, delimiter: "#"}}
    transform: {%s}
    destination: {directory: {path: ./o}}
`, transform), sample: records} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var o, e strings.Builder
	code = run(append([]string{"try", "--config", config, "--arrival", "2026-07-13T14:05:06Z", sample}, arguments...), console{Out: &o, Err: &e})
	return code, o.String(), e.String()
}

// A function at a URL is called where that is asked for; without it try says what it did not run.
func TestTryWithAFunctionAtAURL(t *testing.T) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		var message struct {
			Records []map[string]any `json:"records"`
		}
		if err := json.NewDecoder(r.Body).Decode(&message); err != nil || r.Header.Get("X-Key") != "k" {
			t.Errorf("%v, %v", r.Header, err)
		}
		for _, record := range message.Records {
			switch record["data"] {
			case "b25l": // one
				record["result"], record["metadata"] = "Ok", map[string]any{"partitionKeys": map[string]string{"first": "o"}}
			case "dHdv": // two
				record["result"] = "Dropped"
			default:
				record["result"] = "Ok" // without the key
			}
		}
		_ = json.NewEncoder(w).Encode(message)
	}))
	defer server.Close()
	transform := fmt.Sprintf("http: {url: %q, headers: {X-Key: k}}", server.URL)

	code, out, errs := tryFunction(t, transform, "one#three\ntwo\n", "--call")
	want := `1  w/o/words-<version>-2026-07-13-14-05-06-<id>.gz
   first = o
   record  one
1  e/processing-failed/words-<version>-2026-07-13-14-05-06-<id>.gz
   error   DynamicPartitioning.MetadataExtractionFailed: `
	if code != exitFailed || !strings.HasPrefix(out, want) || !strings.HasSuffix(out, "   record  three\n2  dropped: processing leaves nothing of it\n") ||
		!strings.Contains(errs, "2 records in, 2 out, 1 of them to the error output") || calls != 1 {
		t.Errorf("exit %d after %d calls, %s\n%s\nwant\n%s", code, calls, errs, out, want)
	}

	code, out, errs = tryFunction(t, transform, "one\n")
	want = "1  not given to the function " + server.URL + "\n   record  one\n"
	if code != exitGood || out != want || calls != 1 || !strings.Contains(errs, "1 were not given to the function") || !strings.Contains(errs, "--call") {
		t.Errorf("exit %d after %d calls, %s\n%s\nwant\n%s", code, calls, errs, out, want)
	}
	if _, out, _ := tryFunction(t, transform, "one\n", "--json"); !strings.Contains(out, `"function":"`+server.URL+`"`) || strings.Contains(out, `"key"`) {
		t.Errorf("as JSON: %s", out)
	}
}

// What a node would wait for is an error of try.
func TestTryWithAFunctionThatIsAway(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	for transform, want := range map[string]string{
		fmt.Sprintf("http: {url: %q}", server.URL):                                           "cannot be called: Lambda.ResourceNotFound",
		"wasm: {path: ./absent.wasm}":                                                        "read the module",
		`http: {url: "http://169.254.169.254/"}`:                                             "allow_link_local",
		`lambda: {arn: "arn:aws:lambda:us-east-1:123456789012:function:f", profile: absent}`: "absent",
	} {
		if code, _, errs := tryFunction(t, transform, "one\n", "--call"); code != exitFailed || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, %s", transform, code, errs)
		}
	}
}

// A module is run without being asked.
func TestTryWithAModule(t *testing.T) {
	transform := fmt.Sprintf("wasm: {path: %q}", deliverytest.BuildModule(t))
	code, out, errs := tryFunction(t, transform, "one\n")
	if code != exitFailed || !strings.Contains(out, "error   DynamicPartitioning.MetadataExtractionFailed") || !strings.HasSuffix(out, "record  one\n") {
		t.Errorf("the module gives no keys: exit %d, %s\n%s", code, errs, out)
	}
	code, out, errs = tryFunction(t, transform+", retries: 0", "exit\n")
	if code != exitFailed || !strings.Contains(out, "error   Lambda.FunctionError") {
		t.Errorf("a module that fails: exit %d, %s\n%s", code, errs, out)
	}
}
