package main

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"hydrant/configs"
)

// FuzzLoad: nothing makes the loader panic, every fault has a place, and what is accepted is written so that it is read
// to the same effect.
func FuzzLoad(f *testing.F) {
	example, err := os.ReadFile(exampleFile)
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{
		string(example), string(configs.Demo), "", "[]", "a: b", "streams: {a: *b}", "node: &a\n  *a", "? x\n: y\n",
		"<<: {node: a}", "1: 2", "\"a\\nb\": 1",
		"%YAML 1.2\n---\nnode: a\n", "---\n---\n", "streams: {a: {prefix: '${X}$${Y}'}}",
		"streams: {s: {delimiter: |+\n\n, destination: {directory: {path: p}}}}", "node: \"\\x00\"", "\xff", "node: !t x",
		"streams:\n  s:\n    delimiter: \"\\r\\n\"\n    destination: {directory: {path: 'a: b #'}}\n",
	} {
		f.Add(text, "VALUE")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		text = text[:min(len(text), 4<<10)] // the parser takes quadratic time
		c, err := parseConfig("c.yaml", []byte(text), environment{"X": value, "HYDRANT_NODE": value})
		if err != nil {
			checkPlaces(t, err)
			return
		}
		checkWritten(t, c)
	})
}

func checkPlaces(t *testing.T, err error) {
	t.Helper()
	faults, ok := errors.AsType[Faults](err)
	if !ok || len(faults) == 0 {
		t.Fatalf("got %v, want faults", err)
	}
	for _, fault := range faults {
		if fault.Variable == "" && (fault.File == "" || fault.Line < 1 || fault.Column < 1) {
			t.Errorf("a fault without a place: %+v", fault)
		}
		if fault.Message == "" {
			t.Errorf("a fault without a message: %+v", fault)
		}
		if strings.Contains(fault.String(), "\n") {
			t.Errorf("a fault on several lines: %q", fault)
		}
		fault.Excerpt()
	}
}

// checkWritten checks that what is written of a configuration is read to the same effect.
func checkWritten(t *testing.T, c *Config) {
	t.Helper()
	written, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := parseConfig("again.yaml", written, environment{})
	if err != nil {
		t.Fatalf("the written configuration is refused: %v\n%s", err, written)
	}
	c.Warnings, again.Warnings = nil, nil // they are at other places
	if !reflect.DeepEqual(c, again) {
		t.Errorf("got  %+v\nwant %+v\nwritten:\n%s", again, c, written)
	}
}
