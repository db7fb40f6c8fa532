package bench

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCompare makes two runs, compares them, and reads what the page says.
func TestCompare(t *testing.T) {
	g := newFakeGateway(t, func(int) treatment { return treatment{} })
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, batch := range map[string]string{"a.json": "1", "b.json": "5"} {
		var c commandLine
		if err := c.run(t, "bench", "--url", g.URL, "--records", "50", "--connections", "2", "--batch", batch, "--json", "--report", at(name+".html")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at(name), c.output.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var c commandLine
	if err := c.run(t, "bench", "compare", at("a.json"), at("b.json"), "--report", at("both.html")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"records/s", "latency p99.9, ms", "records acknowledged", "ratio", "warning: the runs differ in batch: 1 and 5"} {
		if !strings.Contains(c.output.String(), want) {
			t.Errorf("no %q in\n%s", want, c.output.String())
		}
	}
	for name, want := range map[string]string{"a.json.html": "records acknowledged</th><td class=\"n\">50</td></tr>", "both.html": "the runs differ in batch: 1 and 5"} {
		page, err := os.ReadFile(at(name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(page), want) {
			t.Errorf("no %q in %s", want, name)
		}
		if strings.Contains(string(page), "src=") || strings.Contains(string(page), "<link") {
			t.Errorf("%s is not complete in itself", name)
		}
	}
}

// What a gateway said is on the page as text, whatever it looks like.
func TestPageEscapes(t *testing.T) {
	const evil = `</script><script>alert(1)</script>`
	r := &Report{Run: evil, Setup: Setup{Stream: evil, URL: []string{evil}}}
	var page strings.Builder
	if err := r.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page.String(), evil) {
		t.Error("the report's text ends its script")
	}
}

func TestCompareRefuses(t *testing.T) {
	dir := t.TempDir()
	good, err := json.Marshal(Report{Run: "1"})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"good": string(good), "text": "run 1", "other": "{}"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"text": "text is no report of a run, as bench --json prints it: invalid character 'r'", "other": "it names none", "none": "no such file",
	} {
		var c commandLine
		err := c.run(t, "bench", "compare", filepath.Join(dir, "good"), filepath.Join(dir, name))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}
