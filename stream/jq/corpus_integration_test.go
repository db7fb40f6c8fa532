//go:build integration

package jq_test

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// What the corpus says that jq 1.6 makes of its record is what it makes of it.
func TestCorpusAgainstJQ(t *testing.T) {
	version, err := exec.Command("jq", "--version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(version), "jq-1.6") {
		t.Fatalf("jq 1.6 is needed, found %s: %v", version, err)
	}
	record, queries := corpus(t)
	for _, c := range queries {
		command := exec.Command("jq", "-c", c.query)
		command.Stdin = bytes.NewReader(record)
		out, err := command.Output()
		lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		got := lines[0]
		var failed *exec.ExitError
		switch {
		case errors.As(err, &failed) && failed.ExitCode() == 3:
			got = "compile error"
		case err != nil:
			got = "error"
		case len(out) == 0:
			got = "0 values"
		case len(lines) > 1:
			got = fmt.Sprintf("%d values", len(lines))
		}
		if !same(got, c.theirs) {
			t.Errorf("%s\n jq gives %s\n we say %s", c.query, got, c.theirs)
		}
	}
}
