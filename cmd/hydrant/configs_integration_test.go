//go:build integration

package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// elsewhere is what only AWS has, or only the reader's machine, and what records must come as that this test does not send.
var elsewhere = regexp.MustCompile(`(?m)^ *(storage_class|sse|kms_key|profile|role_arn|external_id|role_session_name|decompression|cloudwatch_logs):.*\n`)

// Every example configuration is loaded and served, and each of its streams delivers a record. Changed are only the place
// of the store and the patience that a test has.
func TestExampleConfigurations(t *testing.T) {
	paths, err := filepath.Glob("../../configs/*.yaml")
	must(t, err)
	if len(paths) < 3 {
		t.Fatalf("only %d examples", len(paths))
	}
	function := httptest.NewServer(http.HandlerFunc(unchanged))
	t.Cleanup(function.Close)
	store := s3Destination(t)
	environment := append(store.environment, "S3_BUCKET=lake", "S3_ENDPOINT="+store.server.Endpoint)
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			must(t, err)
			if strings.Contains(string(text), "\ncredentials: ") || strings.Contains(string(text), "\nprincipals:") {
				return // TestProductionConfiguration serves these two together
			}
			text = elsewhere.ReplaceAll(text, nil)
			config := strings.NewReplacer(
				"http://127.0.0.1:9000", store.server.Endpoint, "lake-raw", "lake", "eu-central-1", "us-east-1", "interval: 60s", "interval: 1s",
				"http://127.0.0.1:9002", function.URL,
			).Replace(string(text))
			dir := t.TempDir()
			p := startIn(t, dir, config, append(environment, "HYDRANT_DATA_DIR="+filepath.Join(dir, "data"))...)
			loaded, err := Load(p.config(), p.cmd.Env)
			must(t, err)
			for _, s := range loaded.Streams {
				if s.Processing.CloudWatchLogs != "" {
					p.post(s.Name, "application/octet-stream", subscribedLog(t))
					continue
				}
				p.post(s.Name, "application/json", fmt.Sprintf(`{"type":"login","customer":{"id":"c1"},"ts":%q}`, time.Now().Format(time.RFC3339)))
			}
			p.stop()
			if !strings.Contains(p.output.String(), "everything is delivered") {
				t.Errorf("the node said:\n%s", p.output)
			}
			for _, root := range []string{dir, store.objects} {
				if failed := find(t, root, "/errors/", "/failed/"); len(failed) > 0 {
					t.Errorf("records went to the error output: %v", failed)
				}
			}
		})
	}
}

// unchanged is a function that gives each record back as it is.
func unchanged(w http.ResponseWriter, r *http.Request) {
	type record struct {
		ID     string `json:"recordId"`
		Result string `json:"result,omitempty"`
		Data   []byte `json:"data"`
	}
	var call struct {
		Records []record `json:"records"`
	}
	err := json.NewDecoder(r.Body).Decode(&call)
	for i := range call.Records {
		call.Records[i].Result = "Ok"
	}
	if err = errors.Join(err, json.NewEncoder(w).Encode(call)); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// subscribedLog is what a subscription of CloudWatch Logs sends.
func subscribedLog(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := io.WriteString(z, `{"messageType":"DATA_MESSAGE","owner":"123456789012","logGroup":"g","logStream":"s","subscriptionFilters":["f"],`+
		`"logEvents":[{"id":"1","timestamp":1510109208016,"message":"a line"}]}`)
	must(t, errors.Join(err, z.Close()))
	return out.String()
}

// find returns the files below root whose paths hold one of the parts.
func find(t *testing.T, root string, parts ...string) (found []string) {
	t.Helper()
	must(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(path, part) }) {
			found = append(found, path)
		}
		return err
	}))
	return found
}
