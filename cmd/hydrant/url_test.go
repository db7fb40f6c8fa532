package main

import (
	"fmt"
	"io"
	"testing"
)

// HYDRANT_URL names the node to every command that sends to one.
func TestNodeFromTheEnvironment(t *testing.T) {
	t.Setenv("HYDRANT_URL", "http://10.0.0.7:8080")
	for _, arguments := range [][]string{
		{"bench"},
		{"bench", "run"},
		{"streams", "list"},
		{"streams", "flush", "clicks"},
		{"replay", "records", "--dir", ".", "--stream", "clicks"},
	} {
		c, err := newParser(console{Out: io.Discard, Err: io.Discard}, func(int) {}).Parse(arguments)
		if err != nil {
			t.Errorf("%v: %v", arguments, err)
			continue
		}
		found := ""
		for _, f := range c.Flags() {
			if f.Name == "url" {
				found = fmt.Sprint(c.FlagValue(f))
			}
		}
		if found != "http://10.0.0.7:8080" && found != "[http://10.0.0.7:8080]" {
			t.Errorf("%v sends to %q", arguments, found)
		}
	}
}
