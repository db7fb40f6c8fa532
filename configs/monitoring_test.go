package configs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

var metricName = regexp.MustCompile(`\bhydrant_[a-z_]+`)

// declaredMetrics are the names of all metrics in the node's code.
func declaredMetrics(t *testing.T) map[string]bool {
	t.Helper()
	quoted := regexp.MustCompile(`"(hydrant_[a-z_]+)"`)
	declared := map[string]bool{}
	for _, root := range []string{"../cmd", "../delivery", "../gateway"} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			for _, match := range quoted.FindAllStringSubmatch(readFile(t, path), -1) {
				declared[match[1]] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(declared) < 40 {
		t.Fatalf("only %d metrics found: %v", len(declared), declared)
	}
	return declared
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// checkMetrics wants every metric in a text to be one of the node's.
func checkMetrics(t *testing.T, text string) {
	t.Helper()
	declared := declaredMetrics(t)
	for _, name := range metricName.FindAllString(text, -1) {
		base := name
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			base = strings.TrimSuffix(base, suffix)
		}
		if !declared[name] && !declared[base] {
			t.Errorf("no node exports %s", name)
		}
	}
}

type alertRule struct {
	Alert       string
	Expr        string
	For         string
	Labels      map[string]string
	Annotations map[string]string
}

func alertRules(t *testing.T) []alertRule {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string
			Rules []alertRule
		}
	}
	if err := yaml.UnmarshalWithOptions([]byte(readFile(t, "alerts.yml")), &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return file.Groups[0].Rules
}

// Every alert asks for metrics that a node has, says what it means and what to do, and leads to a section of the docs.
func TestAlertRules(t *testing.T) {
	checkMetrics(t, readFile(t, "alerts.yml"))
	headings := map[string]bool{}
	for line := range strings.Lines(readFile(t, "../docs/troubleshooting.md")) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			headings[strings.ReplaceAll(strings.ToLower(strings.TrimSpace(heading)), " ", "-")] = true
		}
	}
	tests := readFile(t, "alerts_test.yml")
	named := map[string]bool{}
	for _, rule := range alertRules(t) {
		if named[rule.Alert] {
			t.Errorf("%s is there twice", rule.Alert)
		}
		named[rule.Alert] = true
		for _, key := range []string{"summary", "description", "action"} {
			if rule.Annotations[key] == "" {
				t.Errorf("%s has no %s", rule.Alert, key)
			}
		}
		if !strings.Contains(tests, "- name: "+rule.Alert+"\n") {
			t.Errorf("alerts_test.yml does not make %s fire", rule.Alert)
		}
		anchor, ok := strings.CutPrefix(rule.Annotations["runbook"], "docs/troubleshooting.md#")
		if !ok || !headings[anchor] {
			t.Errorf("%s leads nowhere: %s", rule.Alert, rule.Annotations["runbook"])
		}
		if s := rule.Labels["severity"]; s != "critical" && s != "warning" && s != "info" {
			t.Errorf("%s has the severity %q", rule.Alert, s)
		}
	}
}
