//go:build integration

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hydrant/delivery/deliverytest"
)

// trap is the smallest module that fails when it is run.
const trap = "\x00asm\x01\x00\x00\x00" + "\x01\x04\x01\x60\x00\x00" + "\x03\x02\x01\x00" + "\x05\x03\x01\x00\x01" +
	"\x07\x13\x02\x06memory\x02\x00\x06_start\x00\x00" + "\x0a\x05\x01\x03\x00\x00\x0b"

// A module in the node: what it cannot do is in the error output; a file that is no module is refused by a reload, and one
// that mends it is taken up by one; a replay then brings all to its place.
func TestModuleIsMended(t *testing.T) {
	t.Parallel() // it mostly waits
	d, dir := directoryDestination(t), t.TempDir()
	path := filepath.Join(dir, "f.wasm")
	put := func(module string) { must(t, os.WriteFile(path, []byte(module), 0o600)) }
	config := fmt.Sprintf(`data_dir: %s/data
streams:
  words:
    buffering: {size: 1MiB, interval: 1s}
    prefix: "words/!{timestamp:yyyy}/"
    error_prefix: "errors/!{firehose:error-output-type}/"
    transform: {wasm: {path: %s}, retries: 0, buffering: {interval: 0s}}
    destination: {%s}
`, dir, path, d.yaml)
	put(trap)
	p := startIn(t, dir, config)
	p.post("words", "application/x-ndjson", "one\ntwo\n")
	p.delivered()
	var failed []string
	for _, content := range files(t, d.objects) {
		for line := range strings.Lines(content) {
			var failure struct {
				ErrorCode, LambdaArn string
				RawData              []byte
			}
			must(t, json.Unmarshal([]byte(line), &failure))
			if failure.ErrorCode != "Lambda.FunctionError" || failure.LambdaArn != path {
				t.Errorf("error output says %s", line)
			}
			failed = append(failed, string(failure.RawData))
		}
	}
	if strings.Join(failed, " ") != "one two" {
		t.Errorf("the error output has %q", failed)
	}

	put("no module")
	p.reload(config, rejected)
	p.post("words", "application/x-ndjson", "three\n") // by the module that was
	p.delivered()
	mended, err := os.ReadFile(deliverytest.BuildModule(t))
	must(t, err)
	put(string(mended))
	p.reload(config, applied)
	p.post("words", "application/x-ndjson", "four\n")
	replayed(t, d, "replay", "errors", "--dir", filepath.Join(d.objects, "errors"), "--url", p.url, "--stream", "words")
	p.delivered()
	p.stop()
	got := map[string]int{}
	for key, content := range files(t, d.objects) {
		if strings.HasPrefix(key, "words/") {
			for line := range strings.Lines(content) {
				got[strings.TrimSpace(line)]++
			}
		}
	}
	if fmt.Sprint(got) != "map[FOUR:1 ONE:1 THREE:1 TWO:1]" {
		t.Errorf("delivered are %v", got)
	}
}
