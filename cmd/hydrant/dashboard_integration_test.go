//go:build integration

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"hydrant/gateway/auth"
)

// dashboardNode has a little of every trouble that a panel shows: a bucket that is missing, a backup's too, records that fail,
// requests that are refused, keys that are wrong. It has TLS.
const dashboardNode = `
data_dir: %[1]s/data
buffer: {max_disk: 1GiB}
tls: {certificate: %[1]s/server.pem, key: %[1]s/server.key}
credentials: %[1]s/credentials.yaml
streams:
  events:
    buffering: {interval: 1s}
    prefix: "kind=!{partitionKeyFromQuery:kind}/"
    error_prefix: "errors/!{firehose:error-output-type}/"
    partition_keys: {kind: .type}
    destination: {directory: {path: %[1]s/objects}}
    backup: {buffering: {interval: 1s}, destination: {%[2]s}}
  failing:
    buffering: {interval: 1s}
    prefix: "kind=!{partitionKeyFromQuery:kind}/"
    error_prefix: "errors/!{firehose:error-output-type}/"
    partition_keys: {kind: .kind}
    destination: {directory: {path: %[1]s/objects}}
  lost:
    buffering: {interval: 1s}
    destination: {%[2]s}
`

// onlyAfterDamage are what nodes export once a disk has lost something.
var onlyAfterDamage = regexp.MustCompile(`superseded_objects_total`)

// Each query of the dashboard, and of its variables, is answered with figures by a real Prometheus that scrapes a node at work.
func TestDashboardShowsANode(t *testing.T) {
	t.Parallel() // it mostly waits
	d := s3Destination(t)
	dir := t.TempDir()
	certificate := makeCertificate(t, dir)
	key, hash := auth.NewKey()
	must(t, os.WriteFile(filepath.Join(dir, "credentials.yaml"), fmt.Appendf(nil, "principals:\n  all:\n    api_keys: [{sha256: %s}]\n    allow: [{actions: [manage, records], streams: [\"*\"]}]\n", hash), 0o600))
	node := startWith(t, dir, fmt.Sprintf(dashboardNode, dir, strings.Replace(d.yaml, "bucket: lake", "bucket: missing", 1)), []string{"--grace", "1s"}, d.environment...)
	prometheus := startPrometheus(t, node)
	prometheus.scraped(node)

	at := strings.Replace(node.url, "http:", "https:", 1)
	work := func() {
		for _, stream := range []string{"events", "failing", "lost"} {
			if status, body := postTo(t, at, stream, certificate, key); status != http.StatusOK {
				t.Fatalf("%s: %d %s", stream, status, body)
			}
		}
		for stream, key := range map[string]string{"events": "wrong", "nosuch": key} {
			if status, _ := postTo(t, at, stream, certificate, key); status == http.StatusOK {
				t.Fatalf("%s is taken with the key %s", stream, key)
			}
		}
	}
	text, err := os.ReadFile("../../configs/grafana-dashboard.json")
	must(t, err)
	unanswered := dashboardQueries(t, string(text))
	node.eventually("each query of the dashboard is answered", func() bool {
		work()
		for query := range unanswered {
			if prometheus.shows(t, query) {
				delete(unanswered, query)
			}
		}
		return len(unanswered) == 0
	})
	node.stop()
}

// dashboardQueries are the expressions of a dashboard's panels, and what its variables are made of, with the variables' values in
// their places as Grafana puts them.
func dashboardQueries(t *testing.T, text string) map[string]bool {
	t.Helper()
	var board struct {
		Panels     []struct{ Targets []struct{ Expr string } }
		Templating struct {
			List []struct {
				Type  string
				Query json.RawMessage
			}
		}
	}
	must(t, json.Unmarshal([]byte(text), &board))
	values := strings.NewReplacer("$instance", ".*", "$stream", ".*", "$__rate_interval", "30s")
	queries := map[string]bool{}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			if !onlyAfterDamage.MatchString(target.Expr) {
				queries[values.Replace(target.Expr)] = true
			}
		}
	}
	for _, v := range board.Templating.List {
		if v.Type != "query" {
			continue
		}
		var query struct{ Query string }
		must(t, json.Unmarshal(v.Query, &query))
		m := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`).FindStringSubmatch(query.Query)
		if m == nil {
			t.Fatalf("the variable asks for %s, which this test does not know", query.Query)
		}
		queries[values.Replace(fmt.Sprintf(`count by (%s) (%s)`, m[2], m[1]))] = true
	}
	if len(queries) < 45 {
		t.Fatalf("only %d queries were found", len(queries))
	}
	return queries
}

// shows reports whether a query is answered with a figure. One that Prometheus does not take fails the test.
func (p *prometheusServer) shows(t *testing.T, query string) bool {
	t.Helper()
	r, err := http.Get(p.url + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return false
	}
	defer r.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		return false
	}
	if answer.Status != "success" {
		t.Fatalf("%s: %s", query, answer.Error)
	}
	for _, series := range answer.Data.Result {
		text, _ := series.Value[1].(string)
		if v, err := strconv.ParseFloat(text, 64); err == nil && v == v { // not NaN
			return true
		}
	}
	return false
}
