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
