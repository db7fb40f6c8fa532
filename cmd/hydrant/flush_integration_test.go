//go:build integration

package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// A node killed with -9 right after a flush was answered delivers the objects that were sealed, each record once, and what
// came in later apart from them.
func TestFlushThenKill(t *testing.T) {
	t.Parallel() // it mostly waits
	d := s3Destination(t)
	dir := t.TempDir()
	p := startIn(t, dir, fmt.Sprintf(`
data_dir: %s/data
streams:
  clicks:
    buffering: {size: 64MiB, interval: 15m}
    prefix: "key=!{partitionKeyFromQuery:key}/"
    error_prefix: "errors/!{firehose:error-output-type}/"
    partition_keys: {key: .key}
    compression: none
    destination: {%s}
`, dir, d.yaml), d.environment...)
	for round := range 3 {
		p.post("clicks", "application/json", fmt.Sprintf(`[{"key":"a","round":%[1]d},{"key":"b","round":%[1]d},{"round":%[1]d}]`, round))
		out, err := runHydrant(t.Context(), t, nil, "streams", "flush", "clicks", "--url", p.url)
		if err != nil || !strings.Contains(out, "3 objects with 3 records") {
			t.Errorf("round %d: %v, %s", round, err, out)
		}
		p.kill()
		p = p.again()
	}
	p.delivered()
	lines, objects := map[string]int{}, 0
	for key, content := range files(t, d.objects) {
		if strings.HasPrefix(filepath.Base(key), "clicks-") {
			objects++
			for line := range strings.Lines(content) {
				lines[line]++
			}
		}
	}
	if objects != 9 || len(lines) != 9 {
		t.Errorf("%d objects with %d records are delivered, want 9 and 9: %v", objects, len(lines), lines)
	}
	if _, err := runHydrant(t.Context(), t, nil, "streams", "flush", "none", "--url", p.url); err == nil || !strings.Contains(err.Error(), "stream_not_found") {
		t.Errorf("a stream that is not: %v", err)
	}
	p.stop()
}
