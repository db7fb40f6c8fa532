//go:build integration

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hydrant/bench/child"
)

// The real promtool takes the alert rules, and makes each of them fire and fall silent.
func TestAlertRulesWithPromtool(t *testing.T) {
	for _, arguments := range [][]string{
		{"check", "rules", "--lint=all", "--lint-fatal", "alerts.yml"},
		{"test", "rules", "alerts_test.yml"},
	} {
		cmd := exec.Command("promtool", arguments...)
		cmd.Dir = "../../configs"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(arguments, " "), err, out)
		}
	}
}

// prometheusServer is a real Prometheus with the project's alert rules.
type prometheusServer struct {
	t      *testing.T
	url    string
	output bytes.Buffer
}

var (
	alertFor    = regexp.MustCompile(`for: \d+m`)
	alertWindow = regexp.MustCompile(`\[(5|15|30)m\]`)
)

// startPrometheus has a Prometheus scrape a node. It looks much more often than one in use would, and so the rules' times
// are made shorter; their expressions stay.
func startPrometheus(t *testing.T, node *process) *prometheusServer {
	t.Helper()
	dir := t.TempDir()
	rules, err := os.ReadFile("../../configs/alerts.yml")
	must(t, err)
	short := alertWindow.ReplaceAll(alertFor.ReplaceAll(rules, []byte("for: 0s")), []byte("[15s]"))
	must(t, os.WriteFile(filepath.Join(dir, "alerts.yml"), short, 0o644))
	file := filepath.Join(dir, "prometheus.yml")
	must(t, os.WriteFile(file, fmt.Appendf(nil, `
global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}
rule_files: [alerts.yml]
scrape_configs: [{job_name: hydrant, static_configs: [{targets: [%q]}]}]
`, strings.TrimPrefix(node.admin, "http://")), 0o644))
	address, err := child.FreeAddress()
	must(t, err)
	p := &prometheusServer{t: t, url: "http://" + address}
	cmd := exec.Command("prometheus", "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "tsdb"), "--web.listen-address="+address)
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("Prometheus said:\n%s", &p.output)
		}
	})
	return p
}

// get asks the API and reports whether it answered.
func (p *prometheusServer) get(path string, answer any) bool {
	r, err := http.Get(p.url + path)
	if err != nil {
		return false
	}
	defer r.Body.Close()
	return r.StatusCode == http.StatusOK && json.NewDecoder(r.Body).Decode(answer) == nil
}

// firing are the names of the alerts that fire now; known is false if Prometheus does not say.
func (p *prometheusServer) firing() (names map[string]bool, known bool) {
	var answer struct {
		Data struct {
			Alerts []struct {
				Labels map[string]string
				State  string
			}
		}
	}
	known = p.get("/api/v1/alerts", &answer)
	names = map[string]bool{}
	for _, a := range answer.Data.Alerts {
		if a.State == "firing" {
			names[a.Labels["alertname"]] = true
		}
	}
	return names, known
}

func (p *prometheusServer) await(node *process, alert string, fires bool) {
	p.t.Helper()
	node.eventually(fmt.Sprintf("%s fires: %t", alert, fires), func() bool {
		firing, known := p.firing()
		return known && firing[alert] == fires
	})
}

// scraped waits until Prometheus has read the node.
func (p *prometheusServer) scraped(node *process) {
	p.t.Helper()
	node.eventually("Prometheus scrapes the node", func() bool {
		var answer struct {
			Data struct{ Result []any }
		}
		return p.get("/api/v1/query?query=up==1", &answer) && len(answer.Data.Result) == 1
	})
}

// A real Prometheus reads a real node: a missing bucket, a bad configuration and a killed node each make their alert fire,
// and it falls silent when they are mended. Nothing else fires on a node in good health.
func TestAlertsFireAndClear(t *testing.T) {
	t.Parallel()
	store := s3Destination(t)
	dir := t.TempDir()
	config := fmt.Sprintf(`
data_dir: %s
buffer: {max_disk: 1GiB}
streams:
  watched:
    buffering: {interval: 1s}
    destination:
      %s
`, filepath.Join(dir, "data"), strings.Replace(store.yaml, "bucket: lake", "bucket: missing", 1))
	node := startIn(t, dir, config, store.environment...)
	prometheus := startPrometheus(t, node)
	prometheus.scraped(node)

	node.post("watched", "application/json", `{"n":1}`)
	prometheus.await(node, "HydrantDestinationRefuses", true)
	store.server.MakeBucket(t, "missing")
	node.delivered()
	prometheus.await(node, "HydrantDestinationRefuses", false)

	node.reload("streams: [", rejected)
	prometheus.await(node, "HydrantReloadFailed", true)
	node.reload(config, applied)
	prometheus.await(node, "HydrantReloadFailed", false)

	node.kill()
	prometheus.awaitDown(true)
	node = node.again()
	prometheus.awaitDown(false)
	var firing map[string]bool // one that goes on for good; a scrape may take too long on a busy machine
	if !comesToHold(5*time.Minute, func() (silent bool) { firing, silent = prometheus.firing(); return silent && len(firing) == 0 }) {
		t.Errorf("on a node in good health there fire %v", firing)
	}
	prometheus.knowsAllMetrics(node)
}

// awaitDown waits for the alert that the node is down, which the node itself cannot be asked about.
func (p *prometheusServer) awaitDown(fires bool) {
	p.t.Helper()
	if !comesToHold(5*time.Minute, func() bool { firing, known := p.firing(); return known && firing["HydrantNodeDown"] == fires }) {
		p.t.Fatalf("HydrantNodeDown fires: %t: not within five minutes", fires)
	}
}

// A metric with labels that have no value yet shows nowhere on a node in good health, nor does a certificate that it has not.
var onlyInTrouble = regexp.MustCompile(`delivery_stopped|throttled|error_output|` +
	`definitions_age|conditional_writes|backup_|discarded|duplicate|upload_limit|tls_`)

// knowsAllMetrics wants the node to export what the alert rules and the dashboard ask for.
func (p *prometheusServer) knowsAllMetrics(node *process) {
	p.t.Helper()
	node.post("watched", "application/json", `{"n":2}`)
	node.delivered()
	exported := node.metrics()
	for _, path := range []string{"alerts.yml", "grafana-dashboard.json"} {
		text, err := os.ReadFile(filepath.Join("../../configs", path))
		must(p.t, err)
		for _, name := range regexp.MustCompile(`\bhydrant_[a-z_]+`).FindAllString(string(text), -1) {
			found := false
			for series := range exported {
				rest, ok := strings.CutPrefix(series, name)
				found = found || ok && (rest == "" || rest[0] == '{')
			}
			if !found && !onlyInTrouble.MatchString(name) {
				p.t.Errorf("%s: the node does not export %s", path, name)
			}
		}
	}
}
