package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const topSample = `{"time":"2026-11-26T12:00:30Z","node":{"name":"edge","version":"v1","started":"2026-11-26T12:00:00Z",` +
	`"failing":[{"name":"streams","reason":"clicks has stopped\nviews has stopped"}],"disk_bytes":1048576,"max_disk_bytes":2097152,"damaged_ranges":2},` +
	`"streams":[{"name":"clicks","state":"stopped","pending":12,"pending_bytes":2048,"oldest_seconds":90.4,"objects":3,` +
	`"errors":{"a":4,"b":1},"troubles":[{"reason":"evil \u001b[2J text"}],"rates":{"in":10.4,"in_bytes":1024,"out":0,"out_bytes":0}}]}`

// topNode sends two samples as a node does.
func topNode(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/console/events" {
			http.NotFound(w, r)
			return
		}
		if key := r.Header.Get("Authorization"); key != "" && key != "Bearer good" {
			http.Error(w, "the API key is not known here", http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, ": beat\n\ndata: %s\n\ndata: %s\n\n", topSample, topSample)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestTop(t *testing.T) {
	url := topNode(t)
	code, stdout, stderr := hydrant("top", "--once", "--admin", url)
	if code != exitGood || stderr != "" {
		t.Fatal(code, stderr)
	}
	for _, want := range []string{
		"hydrant edge  v1  NOT READY  up 30s", "disk 1.0 MiB of 2.0 MiB", "! 2 ranges of the buffer damaged", "! streams: clicks has stopped\n! streams: views has stopped\n",
		"clicks  stopped  10    1.0 KiB  0      0 B      12       2.0 KiB  1m30s   5       3", "! clicks: evil \uFFFD[2J text",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	if strings.Contains(stdout, "\x1b") {
		t.Error("what is no terminal is painted")
	}
}

// Without --once it goes on until the node ends, which is told.
func TestTopGoesOn(t *testing.T) {
	code, stdout, stderr := hydrant("top", "--admin", topNode(t))
	if code != exitFailed || strings.Count(stdout, "STREAM") != 2 || !strings.Contains(stderr, "ended the conversation") {
		t.Errorf("got %d, %s\n%s", code, stderr, stdout)
	}
}

func TestTopWithAKey(t *testing.T) {
	url := topNode(t)
	for key, want := range map[string]string{"good": "", "bad": "the API key is not known here (--api-key VARIABLE names the key)"} {
		t.Setenv("TOP_KEY", key)
		if code, _, stderr := hydrant("top", "--once", "--admin", url, "--api-key", "TOP_KEY"); code == exitGood != (want == "") || !strings.Contains(stderr, want) {
			t.Errorf("%s: %d %s", key, code, stderr)
		}
	}
	if code, _, stderr := hydrant("top", "--once", "--admin", url, "--api-key", "hydrant_key"); code != exitUsage || strings.Contains(stderr, "hydrant_key") {
		t.Errorf("the key itself: %d %s", code, stderr)
	}
}

func TestTopAsJSON(t *testing.T) {
	_, stdout, _ := hydrant("top", "--once", "--json", "--admin", topNode(t))
	if !json.Valid([]byte(stdout)) || strings.TrimSpace(stdout) != topSample {
		t.Errorf("got %s", stdout)
	}
}

func TestTopOfSomethingElse(t *testing.T) {
	for address, want := range map[string]string{
		topNode(t) + "/elsewhere": "404 Not Found",
		nobody:                    "no answer",
		"http://127.0.0.1:1/%zz":  "--admin",
	} {
		if code, _, stderr := hydrant("top", "--once", "--admin", address); code != exitFailed || !strings.Contains(stderr, want) {
			t.Errorf("%s: %d %s", address, code, stderr)
		}
	}
}

// The address may be given as the node's own configuration has it.
func TestTopFindsTheListener(t *testing.T) {
	url := topNode(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(url, "http://"), ":")
	for _, admin := range []string{url, url + "/", "127.0.0.1:" + port, ":" + port, "0.0.0.0:" + port} {
		t.Setenv("HYDRANT_ADMIN", admin)
		if code, _, stderr := hydrant("top", "--once"); code != exitGood {
			t.Errorf("%s: %d %s", admin, code, stderr)
		}
	}
	if code, _, stderr := hydrant("top", "--once", "--admin", nobody); code != exitFailed || !strings.Contains(stderr, "--admin or HYDRANT_ADMIN names another address") {
		t.Errorf("nobody there: %d %s", code, stderr)
	}
}
