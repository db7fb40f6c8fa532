//go:build integration

package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hydrant/gateway/auth"
)

const viewersCredentials = `
principals:
  everything: {api_keys: [{sha256: %s}], allow: [{actions: [read, records, UpdateDestination], streams: ["*"]}]}
  clicks: {api_keys: [{sha256: %s}], allow: [{actions: [read], streams: [clicks]}]}
  replayer: {api_keys: [{sha256: %s}], allow: [{actions: [read, records], streams: [salaries]}]}
  producer: {api_keys: [{sha256: %s}], allow: [{actions: [put], streams: ["*"]}]}
`

// looking asks the admin listener for a path, with an API key where there is one.
func (p *process) looking(t *testing.T, path, key string) (status int, text string) {
	t.Helper()
	method, body := http.MethodGet, ""
	if strings.HasSuffix(path, "/try") {
		method, body = http.MethodPost, `{"customer":"ada"}`
	}
	return p.asking(t, method, path, key, body)
}

func (p *process) asking(t *testing.T, method, path, key, body string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, p.admin+path, strings.NewReader(body))
	must(t, err)
	r.Header.Set("X-Hydrant-Console", "1")
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK && strings.HasSuffix(path, "/events") {
		return answer.StatusCode, "" // it goes on and on
	}
	got, err := io.ReadAll(answer.Body)
	must(t, err)
	return answer.StatusCode, string(got)
}

// Where credentials are asked for, a node shows nothing of a stream but to a key that may describe it: no name, no value of a
// record in a reason, no definition. Probes and metrics need none.
func TestConsoleRights(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	everything, hash := auth.NewKey()
	clicks, clicksHash := auth.NewKey()
	replayer, replayerHash := auth.NewKey()
	producer, producerHash := auth.NewKey()
	file := filepath.Join(dir, "credentials.yaml")
	must(t, os.WriteFile(file, fmt.Appendf(nil, viewersCredentials, hash, clicksHash, replayerHash, producerHash), 0o600))
	definition := `
    buffering: {interval: 1s}
    prefix: "customer=!{partitionKeyFromQuery:customer}/"
    error_prefix: "errors/!{firehose:error-output-type}/"
    partition_keys: {customer: .customer | ascii_downcase}
    destination: {directory: {path: ` + dir + "/objects}}\n"
	p := startIn(t, dir, fmt.Sprintf("data_dir: %s/data\nconsole: {write: true}\ncredentials: %s\nstreams:\n  clicks:%s  salaries:%s", dir, file, definition, definition))
	p.postAs(t, everything, "salaries", `{"customer":4711}`)
	p.eventually("the record has failed", func() bool {
		_, text := p.looking(t, "/console/overview", everything)
		return strings.Contains(text, "4711")
	})

	pages := []string{"/console/overview", "/console/events", "/console/node"}
	paths := []string{"", "/failed", "/try", "/replay", "/rights"}
	for _, path := range append(pages, "/console/streams/clicks", "/console/streams/salaries/failed", "/streams/salaries/errors", "/console/rights") {
		for _, key := range []string{"", "nobody"} {
			if status, text := p.looking(t, path, key); status != http.StatusUnauthorized || strings.Contains(text, "4711") {
				t.Errorf("%s with key %q: %d %s", path, key, status, text)
			}
		}
	}
	for _, path := range pages {
		for key, want := range map[string]int{everything: 200, clicks: 200, producer: 403} {
			status, text := p.looking(t, path, key)
			if sees := strings.Contains(text, "salaries"); status != want || sees && key != everything {
				t.Errorf("%s: got %d, want %d: %s", path, status, want, text)
			}
		}
	}
	for _, rest := range paths {
		for key, want := range map[string]int{everything: 200, clicks: 403, producer: 403} {
			if status, text := p.looking(t, "/console/streams/salaries"+rest, key); status != want && rest != "/rights" || key != everything && strings.Contains(text, "4711") {
				t.Errorf("salaries%s: got %d, want %d: %s", rest, status, want, text)
			}
		}
		if status, text := p.looking(t, "/console/streams/clicks"+rest, clicks); status != http.StatusOK {
			t.Errorf("clicks%s: got %d %s", rest, status, text)
		}
	}
	for key, want := range map[string]int{everything: 200, clicks: 403, producer: 403, "": 401} {
		if status, text := p.looking(t, "/streams/salaries/errors", key); status != want {
			t.Errorf("errors: got %d, want %d: %s", status, want, text)
		}
	}
	// Under a prefix of one's own choosing other streams' records may lie: it takes the right to choose where they go.
	for _, ask := range []struct {
		key, prefix string
		want        int
	}{{replayer, "", 200}, {replayer, "errors/!{timestamp:yyyy}/", 422}, {everything, "errors/!{firehose:error-output-type}/", 200}, {clicks, "", 422}} {
		path := "/console/streams/salaries/replay"
		if status, text := p.asking(t, http.MethodPost, path+"/plan", ask.key, ask.prefix); status != ask.want {
			t.Errorf("a replay under %q: got %d, want %d: %s", ask.prefix, status, ask.want, text)
		}
		p.eventually("it is over", func() bool {
			_, text := p.looking(t, path, everything)
			return !strings.Contains(text, `"running":true`)
		})
	}
	for _, path := range []string{"/livez", "/readyz", "/metrics", "/"} {
		if status, _ := p.looking(t, path, ""); status != http.StatusOK {
			t.Errorf("%s without a key: %d", path, status)
		}
	}
	p.topWith(t, everything, clicks)
	p.stop()
}

// topWith wants `hydrant top` to show what a key may see.
func (p *process) topWith(t *testing.T, everything, clicks string) {
	t.Helper()
	top := func(key string, arguments ...string) string {
		out, err := runHydrant(t.Context(), t, []string{"VIEWER_KEY=" + key}, append([]string{"top", "--once", "--admin", p.admin}, arguments...)...)
		return fmt.Sprint(out, err)
	}
	if got := top(everything, "--api-key", "VIEWER_KEY"); !strings.Contains(got, "salaries") || !strings.Contains(got, "clicks") {
		t.Error(got)
	}
	if got := top(clicks, "--api-key", "VIEWER_KEY"); strings.Contains(got, "salaries") || !strings.Contains(got, "clicks") {
		t.Error(got)
	}
	if got := top(clicks); !strings.Contains(got, "--api-key VARIABLE names the key") {
		t.Error(got)
	}
}

// postAs sends a record with an API key.
func (p *process) postAs(t *testing.T, key, stream, record string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/v1/streams/"+stream+"/records", strings.NewReader(record))
	must(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+key)
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("the record was answered with %d", answer.StatusCode)
	}
}
