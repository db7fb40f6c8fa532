package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hydrant runs the command line and returns its exit code and what it wrote.
func hydrant(arguments ...string) (code int, stdout, stderr string) {
	var out, errors bytes.Buffer
	code = run(arguments, console{Out: &out, Err: &errors})
	return code, out.String(), errors.String()
}

func TestExitCodes(t *testing.T) {
	tests := map[string]struct {
		arguments []string
		code      int
		stdout    string // what it begins with
		stderr    string
	}{
		"help":              {[]string{"--help"}, exitGood, "Usage: hydrant <command>", ""},
		"help of a command": {[]string{"check", "--help"}, exitGood, "Usage: hydrant check", ""},
		"no command":        {nil, exitUsage, "", "hydrant: expected one of"},
		"unknown command":   {[]string{"chekc"}, exitUsage, "", "hydrant: unexpected argument chekc"},
		"unknown flag":      {[]string{"check", "--confg=x"}, exitUsage, "", "hydrant: unknown flag --confg"},
		"version":           {[]string{"version"}, exitGood, "hydrant ", ""},
		"check the demo":    {[]string{"check"}, exitGood, "listen: 127.0.0.1:8080\n", "ok\n"},
		"check the example": {[]string{"check", "--config", exampleFile}, exitGood, "node: edge-1\n", "ok\n"},
		"check no file":     {[]string{"check", "--config=missing.yaml"}, exitFailed, "", "hydrant: read the configuration: open missing.yaml"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := hydrant(test.arguments...)
			if code != test.code {
				t.Errorf("got exit code %d, want %d", code, test.code)
			}
			if !strings.HasPrefix(stdout, test.stdout) || test.stdout == "" && stdout != "" {
				t.Errorf("got output %q, want %q", stdout, test.stdout)
			}
			if !strings.HasPrefix(stderr, test.stderr) || test.stderr == "" && stderr != "" {
				t.Errorf("got on standard error %q, want %q", stderr, test.stderr)
			}
		})
	}
}

func TestCheckPrintsFaults(t *testing.T) {
	path := writeConfig(t, "log: {level: loud}\nlimits:\n  records: 0\n")
	code, stdout, stderr := hydrant("check", "--config", path)
	want := path + `:1:7: log.level: "loud" is not one of debug, info, warn, error
    1 | log: {level: loud}
      |       ^
` + path + `:3:3: limits.records: 0 is below 1
    3 |   records: 0
      |   ^
hydrant: faults in the configuration: 2
`
	if code != exitFailed || stdout != "" || stderr != want {
		t.Errorf("got exit code %d, output %q and\n%swant\n%s", code, stdout, stderr, want)
	}
}

// Modules of functions are read before anything begins: each that cannot be run is named, with its stream and what it lacks.
func TestModulesAreChecked(t *testing.T) {
	dir := t.TempDir()
	module, absent, data := filepath.Join(dir, "f.wasm"), filepath.Join(dir, "absent.wasm"), filepath.Join(dir, "data")
	if err := os.WriteFile(module, []byte("\x00asm\x01\x00\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := writeConfig(t, fmt.Sprintf(`
data_dir: %s
listen: 127.0.0.1:0
admin: 127.0.0.1:0
streams:
  one: {transform: {wasm: {path: %s}}, destination: {directory: {path: p}}}
  two: {transform: {wasm: {path: %s}}, destination: {directory: {path: p}}}
`, data, module, absent))
	for _, command := range []string{"check", "serve"} {
		code, stdout, stderr := hydrant(command, "--config", path)
		if code != exitFailed || stdout != "" ||
			!strings.Contains(stderr, "transform.wasm.path of stream one: "+module+": it exports no function _start") ||
			!strings.Contains(stderr, "transform.wasm.path of stream two: read the module: open "+absent+": ") {
			t.Errorf("%s: got exit code %d and\n%s", command, code, stderr)
		}
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("a start that is refused has left a data directory: %v", err)
	}
}

func TestCheckPrintsWarnings(t *testing.T) {
	credentials := writeConfig(t, "principals: {p: {certificates: [a.example]}}")
	path := writeConfig(t, "credentials: "+credentials+"\nlisten: 0.0.0.0:80\nstreams: {s: {destination: {directory: {path: p}}}}\n")
	code, stdout, stderr := hydrant("check", "--config", path)
	warned := strings.HasPrefix(stderr, "warning: "+path+":2:1: listen: ")
	if code != exitGood || !warned || !strings.HasSuffix(stderr, "ok\n") {
		t.Errorf("got exit code %d and\n%s", code, stderr)
	}
	if _, err := load(t, stdout); err != nil {
		t.Errorf("the output is no configuration: %v\n%s", err, stdout)
	}
}

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hydrant.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestVersionAsJSON(t *testing.T) {
	_, stdout, _ := hydrant("version", "--json")
	var build struct{ Version, Revision, Time, Go string }
	if err := json.Unmarshal([]byte(stdout), &build); err != nil {
		t.Fatal(err)
	}
	if build.Version == "" || build.Revision == "" || build.Time == "" || !strings.HasPrefix(build.Go, "go1.") {
		t.Errorf("got %+v, want every member", build)
	}
}
