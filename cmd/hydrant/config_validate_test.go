package main

import (
	"strings"
	"testing"
)

func TestListenersBeyondLoopback(t *testing.T) {
	tests := map[string]bool{ // beyond
		"127.0.0.1:1":        false,
		"127.8.8.8:1":        false,
		"[::1]:1":            false,
		"[::ffff:7f00:1]:1":  false,
		"localhost:1":        false,
		"0.0.0.0:1":          true,
		":1":                 true,
		"[::]:1":             true,
		"192.168.1.1:1":      true,
		"example.org:1":      true,
		"localhost.evil:1":   true,
		"127.0.0.1.evil:1":   true,
		"[fe80::1%eth0]:1":   true,
		"[::ffff:8.8.8.8]:1": true,
	}
	for address, beyond := range tests {
		for _, key := range []string{"listen", "admin"} {
			t.Run(key+" "+address, func(t *testing.T) {
				text := key + ": \"" + address + "\"\n"
				const demo = "streams: {demo: {destination: {directory: {path: objects}}}}\n"
				_, err := load(t, text+demo)
				if refused := err != nil; refused != beyond {
					t.Errorf("without auth: got %v, want refused %v", err, beyond)
				}
				c := mustLoad(t, text+"auth: none\n"+demo)
				if warned := len(c.Warnings) > 0; warned != beyond {
					t.Errorf("with auth none: got warnings %v, want any %v", c.Warnings, beyond)
				}
			})
		}
	}
}

func TestWarnings(t *testing.T) {
	c := mustLoad(t, "auth: none\n", "HYDRANT_LISTEN=:8080", "HYDRANT_ADMIN=0.0.0.0:8081")
	const why = " can be reached from other machines and asks for no credentials, because auth is none\n"
	want := "environment: HYDRANT_ADMIN: 0.0.0.0:8081" + why +
		"environment: HYDRANT_LISTEN: :8080" + why +
		"c.yaml:1:1: streams: no stream is defined: add one under streams, or say in api_streams where those made through the API deliver"
	if got := c.Warnings.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWarningsOfStreams(t *testing.T) {
	c := mustLoad(t, `
streams:
  s:
    buffering: {interval: 15m}
    prefix: "s/!{timestamp:mm}/"
    destination: {directory: {path: objects}}
`)
	if len(c.Warnings) != 1 || !strings.HasPrefix(c.Warnings.Error(), "c.yaml:5:5: streams.s.prefix: ") {
		t.Errorf("got %v, want one about the prefix, whose time is finer than the interval", c.Warnings)
	}
}

func TestFreePortsMayBeTheSame(t *testing.T) {
	c := mustLoad(t, "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\n")
	if !strings.HasSuffix(c.Listen, ":0") {
		t.Errorf("got %s, want port 0", c.Listen)
	}
}
