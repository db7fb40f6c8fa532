//go:build integration

package main

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
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

// A replay that the console started and a kill -9 ended goes on where it was when it is started again: each record is
// delivered once. The store takes so few marks of what was replayed in a life that none is over before it is killed.
func TestConsoleReplayThenKill(t *testing.T) {
	t.Parallel() // it mostly waits
	d, proxy := s3Behind(t)
	var marks atomic.Int64
	held := proxy.Spoil(func(r *http.Request) bool {
		return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/.hydrant-replay/")
	}, 1, -1, func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
		if marks.Add(-1) >= 0 {
			forward(w, r)
		} else if _, err := io.ReadAll(r.Body); err == nil {
			<-r.Context().Done()
		}
	})
	dir := t.TempDir()
	config := func(query string) string {
		return fmt.Sprintf(`
data_dir: %s/data
console: {write: true}
streams:
  clicks:
    buffering: {interval: 15m}
    prefix: "key=!{partitionKeyFromQuery:key}/"
    error_prefix: "errors/!{firehose:error-output-type}/"
    partition_keys: {key: '%s'}
    destination: {%s}
`, dir, query, d.yaml)
	}
	p := startIn(t, dir, config(".key | tonumber"), d.environment...)
	const objects, inEach = 8, 5
	for object := range objects {
		var lines strings.Builder
		for n := range inEach {
			fmt.Fprintf(&lines, "{\"key\":\"k%d\",\"n\":%d}\n", object, n)
		}
		p.post("clicks", "application/x-ndjson", lines.String())
		_, err := runHydrant(t.Context(), t, nil, "streams", "flush", "clicks", "--url", p.url)
		must(t, err)
	}
	p.delivered()
	p.reload(config(".key"), applied)
	for range 2 {
		before := p.metric("hydrant_replayed_records_total")
		marks.Store(objects/2 + 2)
		p.consoleReplay(t, "start")
		p.eventually("some of it is replayed", func() bool { return p.metric("hydrant_replayed_records_total") > before })
		p.kill()
		p = p.again()
	}
	held.End()
	p.consoleReplay(t, "start")
	p.eventually("the replay is over", func() bool { return strings.Contains(p.consoleReplay(t, ""), `"running":false`) })
	if state := p.consoleReplay(t, ""); !strings.Contains(state, `"error":""`) || !strings.Contains(state, `"faults":0`) {
		t.Error(state)
	}
	_, err := runHydrant(t.Context(), t, nil, "streams", "flush", "clicks", "--url", p.url)
	must(t, err)
	p.delivered()
	lines := map[string]int{}
	for key, content := range files(t, d.objects) {
		if strings.HasPrefix(key, "key=") {
			for line := range strings.Lines(content) {
				lines[line]++
			}
		}
	}
	for line, n := range lines {
		if n != 1 {
			t.Errorf("%s is delivered %d times", line, n)
		}
	}
	if len(lines) != objects*inEach {
		t.Errorf("%d records are delivered, want %d", len(lines), objects*inEach)
	}
	p.stop()
}

// consoleReplay asks the console for something of the replay of clicks, or how far it is.
func (p *process) consoleReplay(t *testing.T, what string) string {
	t.Helper()
	method, path := http.MethodGet, p.admin+"/console/streams/clicks/replay"
	if what != "" {
		method, path = http.MethodPost, path+"/"+what
	}
	r, err := http.NewRequestWithContext(t.Context(), method, path, nil)
	must(t, err)
	r.Header.Set("X-Hydrant-Console", "1")
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s", path, answer.StatusCode, text)
	}
	return string(text)
}
