//go:build integration

package main

import (
	"cmp"
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// What a release is made of: built twice, from clones in different places, it is the same to the byte. The binary is static
// and knows its commit, its checksums are right, and its bill of materials is what CycloneDX's schema says and names what is linked.
// HYDRANT_TEST_RELEASE=linux/arm64,darwin/arm64 builds other targets than this machine's. The page's own commands build and check it.
func TestReleaseIsReproducible(t *testing.T) {
	t.Parallel() // one core links
	targets := cmp.Or(os.Getenv("HYDRANT_TEST_RELEASE"), runtime.GOOS+"/"+runtime.GOARCH)
	commands := releaseCommands(t)
	var commit string
	var releases [2]map[string]string
	var out string
	for i := range releases {
		source := filepath.Join(t.TempDir(), "a clone", strings.Repeat("deeper/", i))
		must(t, os.MkdirAll(source, 0o755))
		output(t, "../..", "git", "clone", "--quiet", ".", source)
		commit = strings.TrimSpace(output(t, source, "git", "rev-parse", "HEAD"))
		out = filepath.Join(t.TempDir(), "dist")
		output(t, source, "bash", "-c", strings.Replace(commands[0], "/tmp/dist", out, 1)+" --targets "+targets)
		releases[i] = contents(t, out)
	}
	for name, content := range releases[0] {
		if releases[1][name] != content {
			t.Errorf("%s differs from one build to the other", name)
		}
	}
	output(t, out, "bash", "-c", commands[1]+" --strict")
	for _, target := range strings.Split(targets, ",") {
		name := "hydrant-" + strings.ReplaceAll(target, "/", "-")
		if releases[0][name] == "" {
			t.Errorf("there is no %s", name)
		}
		checkBill(t, releases[0][name+".cdx.json"], commit)
		command(t, billScript, "python3", "-", filepath.Join(out, name+".cdx.json"))
		if target == runtime.GOOS+"/"+runtime.GOARCH {
			checkRelease(t, filepath.Join(out, name), commit)
		}
	}
}

// releaseCommands are the page's: one that makes a release, and one that checks it.
func releaseCommands(t *testing.T) (lines []string) {
	t.Helper()
	for _, c := range commandsOf(t, "releases.md", readDoc(t, "../../docs/releases.md")) {
		if !c.prose {
			lines = append(lines, c.line)
		}
	}
	if len(lines) != 2 || !strings.Contains(lines[0], "--out /tmp/dist") {
		t.Fatalf("the page has the commands %q", lines)
	}
	return lines
}

// billScript has CycloneDX's own validator judge a bill.
const billScript = `
import json, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
text = open(sys.argv[1]).read()
fault = JsonStrictValidator(SchemaVersion.from_version(json.loads(text)["specVersion"])).validate_str(text)
assert fault is None, fault
`

func checkRelease(t *testing.T, binary, commit string) {
	t.Helper()
	f, err := elf.Open(binary)
	must(t, err)
	defer f.Close()
	if slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		t.Error("the binary needs a dynamic loader")
	}
	var build struct{ Revision, Version string }
	must(t, json.Unmarshal([]byte(output(t, ".", binary, "version", "--json")), &build))
	if build.Revision != commit || build.Version == "" || build.Version == "(devel)" {
		t.Errorf("the binary says %+v, the commit is %s", build, commit)
	}
}

func checkBill(t *testing.T, text, commit string) {
	t.Helper()
	var bill struct {
		BOMFormat, SpecVersion string
		Components             []struct{ Name, Version, PURL string }
	}
	must(t, json.Unmarshal([]byte(text), &bill))
	if bill.BOMFormat != "CycloneDX" || bill.SpecVersion == "" || !strings.Contains(text, commit) {
		t.Errorf("the bill is a %s %s and names the commit: %v", bill.BOMFormat, bill.SpecVersion, strings.Contains(text, commit))
	}
	for _, want := range []string{"std", "github.com/dgraph-io/badger/v4", "github.com/valyala/fasthttp"} {
		if !slices.ContainsFunc(bill.Components, func(c struct{ Name, Version, PURL string }) bool {
			return c.Name == want && c.Version != "" && c.PURL == "pkg:golang/"+c.Name+"@"+c.Version
		}) {
			t.Errorf("the bill lacks %s", want)
		}
	}
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		must(t, err)
		all[e.Name()] = string(data)
	}
	return all
}

// output is what a command writes when it ends well.
func output(t *testing.T, dir, name string, arguments ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, arguments...)
	cmd.Dir = dir
	var failed strings.Builder
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(arguments, " "), err, out, failed.String())
	}
	return string(out)
}
