//go:build integration

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// pod is what the StatefulSet says of its container, so far as the configuration depends on it.
type pod struct {
	Spec struct {
		Template struct {
			Spec struct {
				Containers []struct {
					Args []string
					Env  []struct{ Name, Value string }
				}
			}
		}
	}
}

// The configuration of configs/kubernetes is checked as a node in the cluster would see it: with the image's and the pod's
// environment, the Secrets that the page makes, and the flags of its command. Without its Secret it is refused, by name.
func TestKubernetesConfiguration(t *testing.T) {
	const base = "../../configs/kubernetes/"
	dir := t.TempDir()
	text, err := os.ReadFile(base + "statefulset.yaml")
	must(t, err)
	var set pod
	must(t, yaml.Unmarshal(text, &set))
	container := set.Spec.Template.Spec.Containers[0]
	if err := judge(container.Args); err != nil {
		t.Errorf("the pod's command: %v", err)
	}

	config, err := os.ReadFile(base + "hydrant.yaml")
	must(t, err)
	credentials := filepath.Join(dir, "credentials.yaml")
	must(t, os.WriteFile(credentials, []byte(printedCredentials(t)), 0o600))
	file := filepath.Join(dir, "hydrant.yaml")
	seen := strings.ReplaceAll(string(config), "/etc/hydrant-credentials/credentials.yaml", credentials)
	if seen == string(config) {
		t.Fatal("the configuration does not name the credentials where the pod has them")
	}
	must(t, os.WriteFile(file, []byte(seen), 0o600))

	environment := append(imageEnvironment(t), "HYDRANT_DATA_DIR="+filepath.Join(dir, "data"), "HYDRANT_NODE=hydrant-0")
	for _, e := range container.Env {
		if e.Value != "" {
			environment = append(environment, e.Name+"="+e.Value)
		}
	}
	out, err := check(t, file, environment)
	if err == nil || !strings.Contains(out, "S3_BUCKET") {
		t.Errorf("without the Secret: %v\n%s", err, out)
	}
	out, err = check(t, file, append(environment, madeSecret(t)...))
	if err != nil || !strings.Contains(out, "bucket: lake") || !strings.Contains(out, "node: hydrant-0") {
		t.Errorf("with the Secret: %v\n%s", err, out)
	}
}

// check runs `hydrant check` in an environment and nothing else.
func check(t *testing.T, file string, environment []string) (string, error) {
	t.Helper()
	path, err := binary()
	must(t, err)
	cmd := exec.CommandContext(context.Background(), path, "check", "--config", file)
	cmd.Env = environment
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// printedCredentials is the file that `hydrant keys new` prints beside the key.
func printedCredentials(t *testing.T) string {
	t.Helper()
	path, err := binary()
	must(t, err)
	var file strings.Builder
	cmd := exec.CommandContext(t.Context(), path, "keys", "new")
	cmd.Stderr = &file
	must(t, cmd.Run())
	return file.String()
}

// imageEnvironment is what the Dockerfile sets.
func imageEnvironment(t *testing.T) (environment []string) {
	t.Helper()
	for line := range strings.Lines(readDoc(t, "../../Dockerfile")) {
		if set, ok := strings.CutPrefix(line, "ENV "); ok {
			environment = append(environment, strings.Fields(set)...)
		}
	}
	if len(environment) == 0 {
		t.Fatal("the Dockerfile sets nothing")
	}
	return environment
}

// madeSecret is what the page's commands put into the Secret that the pod's environment comes from.
func madeSecret(t *testing.T) (environment []string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`create secret generic hydrant --from-literal=(\S+)`).FindAllStringSubmatch(readDoc(t, "../../docs/kubernetes.md"), -1) {
		environment = append(environment, m[1])
	}
	return environment
}
