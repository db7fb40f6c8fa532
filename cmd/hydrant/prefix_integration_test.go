//go:build integration

package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Records go where their event times say, in the stream's time zone; the late, the early and those without a time elsewhere.
func TestEventTimesEndToEnd(t *testing.T) {
	dir := t.TempDir()
	objects := filepath.Join(dir, "objects")
	config := fmt.Sprintf("data_dir: %s/data\nstreams:\n", dir)
	formats := map[string]struct{ yaml, layout string }{
		"rfc3339": {"rfc3339", time.RFC3339Nano},
		"millis":  {"epoch_ms", ""},
		"java":    {`"dd.MM.yyyy HH:mm:ss XXX"`, "02.01.2006 15:04:05 -07:00"},
	}
	for name, f := range formats {
		config += fmt.Sprintf(`  %s:
    buffering: {size: 1MiB, interval: 1s}
    time: {field: .at.ts, format: %s, late: 1h, late_prefix: "late/!{timestamp:yyyy-MM-dd}/", early: 2m}
    time_zone: Asia/Kathmandu
    prefix: "%s/!{timestamp:yyyy-MM-dd'T'HH.mm XXX}/!{firehose:random-string}/"
    error_prefix: "failed/!{firehose:error-output-type}/%s/"
    destination: {directory: {path: %s}}
`, name, f.yaml, name, name, objects)
	}
	p := startIn(t, dir, config)

	zone, err := time.LoadLocation("Asia/Kathmandu")
	must(t, err)
	now := time.Now()
	want := map[string]string{} // a pattern of keys, by record
	for name, f := range formats {
		send := func(what string, at time.Time, key string) {
			told, err := json.Marshal(at.Format(f.layout))
			if f.layout == "" {
				told = fmt.Append(nil, at.UnixMilli())
			}
			must(t, err)
			record := fmt.Sprintf(`{"is":"%s %s","at":{"ts":%s}}`, name, what, told)
			p.post(name, "application/json", record)
			want[record] = key
		}
		for what, at := range map[string]time.Time{"in time": now, "somewhat late": now.Add(-50 * time.Minute), "somewhat early": now.Add(time.Minute)} {
			send(what, at, name+"/"+regexp.QuoteMeta(at.In(zone).Format("2006-01-02T15.04 -07:00"))+`/[A-Za-z0-9_-]{11}/`+name+"-1-")
		}
		send("too late", now.Add(-100*24*time.Hour), `late/[0-9]{4}-[0-9]{2}-[0-9]{2}/`+name+"-1-")
		send("too early", now.Add(24*time.Hour), "early/"+name+`/[0-9/]{13}/`+name+"-1-")
		for _, record := range []string{`{"is":"` + name + ` without"}`, `{"is":"` + name + ` odd","at":{"ts":"yesterday"}}`} {
			p.post(name, "application/json", record)
			want[record] = "failed/processing-failed/" + name + "/" + name + "-1-"
		}
	}
	p.delivered()
	p.stop()

	found := 0
	for key, content := range files(t, objects) {
		for line := range strings.Lines(content) {
			record := strings.TrimSuffix(line, "\n")
			if strings.HasPrefix(key, "failed/") {
				var failure struct{ RawData []byte }
				must(t, json.Unmarshal([]byte(line), &failure))
				record = string(failure.RawData)
			}
			if !regexp.MustCompile("^"+want[record]).MatchString(key) || want[record] == "" {
				t.Errorf("%s is in %s, want %s", record, key, want[record])
			}
			found++
		}
	}
	if found != len(want) {
		t.Errorf("%d records were delivered, want %d", found, len(want))
	}
}
