package main

import (
	"os"
	"strings"
	"testing"

	"hydrant/configs"
)

// FuzzEnvironment: whatever variables a process is given, the loader names those that are wrong, and what it accepts is
// written so that it is read to the same effect.
func FuzzEnvironment(f *testing.F) {
	for _, pairs := range []string{
		"HYDRANT_NODE=a", "HYDRANT_LISTEN=:8080\nHYDRANT_AUTH=none", "HYDRANT_BUFFER_MAX_DISK=1e9", "HYDRANT_LIMITS_BODY=-1", "HYDRANT_DRAIN_DELAY=1h",
		"HYDRANT_", "HYDRANT_STREAMS=x", "HYDRANT_PORT=tcp://10.0.0.1:80", "HYDRANT_SERVICE_HOST=10.0.0.1", "=", "x", "HYDRANT_NODE=${HYDRANT_NODE}",
		"HYDRANT_DATA_DIR=\x00", "HYDRANT_NODE=\xff", "HYDRANT_BUFFER_ENGINE=kafka", "HYDRANT_DATA_DIR= a #", "HYDRANT_TLS_KEY=k", "HYDRANT_URL=u",
		"HYDRANT_LIMITS_BODY=9223372036854775807GiB", "HYDRANT_BUFFER_STREAM_SHARE=1\nHYDRANT_BUFFER_MAX_DISK=2",
	} {
		f.Add(pairs)
	}
	f.Fuzz(func(t *testing.T, pairs string) {
		variables := parseEnvironment(strings.Split(pairs, "\n"))
		c, err := parseConfig("demo.yaml", configs.Demo, variables)
		if err != nil {
			checkPlaces(t, err)
			return
		}
		checkWritten(t, c)
	})
}

// FuzzCredentials: nothing makes the loader of credentials panic, every fault has a place, and none shows a line.
func FuzzCredentials(f *testing.F) {
	example, err := os.ReadFile("../../configs/credentials.example.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{
		string(example), "", "[]", "principals: [a]", "principals: {p: {keys: []}}", "principals: {p: {api_keys: [{sha256: abc}]}}",
		"principals: {p: {access_keys: [{id: A, secret: '${SECRET}'}]}}", "principals: {p: {certificates: ['*']}}", "principals: &a\n  *a",
		"principals: {p: {certificates: [a.example], allow: [{actions: ['${SECRET}'], streams: ['${SECRET}:']}]}}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = text[:min(len(text), 4<<10)] // the parser takes quadratic time
		const secret = "S3CRET-that-must-not-be-shown"
		found := newReport("c.yaml", nil) // not from a file: to make one takes ten times as long as to read it
		credentials := parseCredentials(found, []byte(text), environment{"SECRET": secret, "WEB_SECRET": secret, "OPERATOR_SECRET": secret})
		if (credentials == nil) != (len(found.faults) > 0) {
			t.Fatalf("credentials are there: %v, with the faults %v", credentials != nil, found.faults)
		}
		if credentials != nil {
			return
		}
		checkPlaces(t, found.faults)
		for _, fault := range found.faults {
			if fault.Excerpt() != "" || strings.Contains(fault.String(), secret) {
				t.Errorf("a line is shown: %s\n%s", fault, fault.Excerpt())
			}
		}
	})
}
