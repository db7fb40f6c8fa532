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
				for _, auth := range []string{"", "auth: none\n"} {
					_, err := load(t, text+auth+demoStreams)
					if refused := err != nil; refused != beyond {
						t.Errorf("%s: got %v, want refused %v", auth, err, beyond)
					}
				}
				c := mustLoad(t, text+"credentials: c.yaml\nadmin_auth: none\n"+demoStreams)
				if warned := len(c.Warnings) > 0; warned != beyond {
					t.Errorf("with credentials: got warnings %v, want any %v", c.Warnings, beyond)
				}
			})
		}
	}
}

// Who has no credentials is told what to do about it.
func TestWithoutCredentials(t *testing.T) {
	const (
		reached = " can be reached from other machines, and "
		file    = ": name a file of credentials in credentials (hydrant keys new makes an API key and prints such a file), or listen on loopback"
		proxy   = ", behind a proxy that asks for credentials if others are to reach it"
	)
	for auth, why := range map[string]string{
		"":             "a node without credentials serves this machine alone",
		"auth: none\n": "auth: none is for development on this machine alone",
	} {
		want := "environment: HYDRANT_ADMIN: 0.0.0.0:8081" + reached + why + file + "\n" +
			"environment: HYDRANT_LISTEN: :8080" + reached + why + file + proxy
		if _, err := load(t, auth, "HYDRANT_LISTEN=:8080", "HYDRANT_ADMIN=0.0.0.0:8081"); err == nil || err.Error() != want {
			t.Errorf("got\n%v\nwant\n%s", err, want)
		}
	}
}

func TestWarnings(t *testing.T) {
	c := mustLoad(t, "credentials: c.yaml\nadmin_auth: none\n", "HYDRANT_LISTEN=:8080", "HYDRANT_ADMIN=0.0.0.0:8081")
	want := "environment: HYDRANT_ADMIN: 0.0.0.0:8081 can be reached from other machines and asks for no credentials, because admin_auth is none\n" +
		"environment: HYDRANT_LISTEN: :8080 can be reached from other machines without TLS: an API key can be read on the way, and a signed " +
		"request sent again; name tls.certificate and tls.key, unless a proxy in front ends TLS\n" +
		"c.yaml:1:1: streams: no stream is defined: add one under streams, or say in api_streams where those made through the API deliver"
	if got := c.Warnings.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Where streams are made through the API, a file without any is as it should be.
func TestNoStreamsButThoseOfTheAPI(t *testing.T) {
	for _, from := range []string{"api_streams: {role: ignore}", "api_streams: {directory: buckets}"} {
		if c := mustLoad(t, from+"\n"); len(c.Warnings) > 0 {
			t.Errorf("%s: %v", from, c.Warnings)
		}
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

// A function needs room in the buffer, of a stream of the file as of one that the API may make.
func TestRoomForFunctions(t *testing.T) {
	const small, function = "buffer: {max_disk: 64MiB}\n", "streams: {s: {transform: {http: {url: 'http://127.0.0.1:1/'}}, destination: {directory: {path: o}}}}\n"
	for text, path := range map[string]string{
		function:                                "c.yaml:2:15: streams.s.transform: ",
		"api_streams: {lambda: {role: ignore}}": "c.yaml:2:15: api_streams.lambda: ",
	} {
		_, err := load(t, small+text)
		if want := path + "a function needs a buffer.max_disk of at least 128MiB, and it is 64MiB"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		mustLoad(t, "buffer: {max_disk: 128MiB}\n"+text)
	}
}
