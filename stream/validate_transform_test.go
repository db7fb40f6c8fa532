package stream_test

import (
	"strings"
	"testing"
	"time"

	"hydrant/stream"
)

func TestTransformsThatAreRefused(t *testing.T) {
	endpoint := func(name, value string) stream.Transform {
		return stream.Transform{HTTP: &stream.HTTPFunction{URL: "http://f/", Headers: map[string]string{name: value}}}
	}
	module := func(adjust func(*stream.Transform)) stream.Transform {
		transform := stream.Transform{WASM: &stream.WASM{Path: "m.wasm"}}
		adjust(&transform)
		return transform
	}
	for want, transform := range map[string]stream.Transform{
		"transform: there are 0 functions": {},
		"transform: there are 2 functions": {WASM: &stream.WASM{Path: "m"}, HTTP: &stream.HTTPFunction{URL: "http://f/"}},

		`transform.lambda.arn: "shout" is no ARN`:         {Lambda: &stream.Lambda{ARN: "shout"}},
		`transform.http.url: "ftp://f/" is no address`:    {HTTP: &stream.HTTPFunction{URL: "ftp://f/"}},
		`transform.http.url: "http://u:p@f/" is no addre`: {HTTP: &stream.HTTPFunction{URL: "http://u:p@f/"}},

		`transform.http.headers: "X Key" is no name of a header`:                   endpoint("X Key", "v"),
		`transform.http.headers: "" is no name of a header`:                        endpoint("", "v"),
		`transform.http.headers: "X-Key\r\nX-Two" is no name of a header`:          endpoint("X-Key\r\nX-Two", "v"),
		"transform.http.headers.host: the node sets this header itself":            endpoint("host", "v"),
		"transform.http.headers.Connection: the node sets this header itself":      endpoint("Connection", "close"),
		"transform.http.headers.content-length: the node sets this header itself":  endpoint("content-length", "7"),
		"transform.http.headers.X-Key: byte 7 of the value is a line feed or anot": endpoint("X-Key", "secret\n"),
		"transform.http.headers.X-Key: byte 2 of the value is a line feed or anot": endpoint("X-Key", "a\x00"),
		"transform.http.headers.x-key: it is the same header as X-Key": {HTTP: &stream.HTTPFunction{
			URL: "http://f/", Headers: map[string]string{"X-Key": "a", "x-key": "b"},
		}},

		"transform.retries: there are 301 retries": module(func(t *stream.Transform) { t.Retries = new(301) }),
		"transform.buffering.size: the size is 1":  module(func(t *stream.Transform) { t.Buffering.Size = 1 }),
		"transform.buffering.interval: the interval is 15m1s; it must be up to 15m": module(func(t *stream.Transform) {
			t.Buffering.Interval = new(stream.Duration(901 * time.Second))
		}),
		"transform.timeout: the timeout is 16m":         module(func(t *stream.Transform) { t.Timeout = stream.Duration(16 * time.Minute) }),
		"transform.concurrency: there are 101 calls at": module(func(t *stream.Transform) { t.Concurrency = 101 }),
		"transform.wasm.memory: the memory is 1":        module(func(t *stream.Transform) { t.WASM.Memory = 1 }),
		`transform.wasm.path: "" is no path`:            module(func(t *stream.Transform) { t.WASM.Path = "" }),
	} {
		s := stream.Stream{Name: "s", Destination: stream.Destination{Directory: &stream.Directory{Path: "/o"}}, Transform: &transform}
		faults := s.WithDefaults().Validate()
		if len(faults) != 1 || !strings.HasPrefix(faults[0].String(), want) || strings.Contains(faults[0].String(), "secret") {
			t.Errorf("%v, want one fault: %s", faults, want)
		}
	}
}

// An interval of zero is one: records are given to the function as they come.
func TestTransformDefaults(t *testing.T) {
	given := stream.Stream{Name: "s", Transform: &stream.Transform{HTTP: &stream.HTTPFunction{
		URL: "https://f/", Headers: map[string]string{"Authorization": "Bearer x", "Content-Type": "application/json", "X-Tab": "a\tb é"},
	}}}
	given.Destination.Directory = &stream.Directory{Path: "/o"}
	if got := given.WithDefaults().Transform; *got.Retries != 3 || got.Buffering.Size != stream.MiB || *got.Buffering.Interval != stream.Duration(time.Minute) {
		t.Errorf("the defaults are %+v", got)
	}
	given.Transform.Buffering.Interval = new(stream.Duration(0))
	given = given.WithDefaults()
	if *given.Transform.Buffering.Interval != 0 || len(given.Validate()) > 0 {
		t.Errorf("an interval of zero became %v, with %v", *given.Transform.Buffering.Interval, given.Validate())
	}
	if again, err := stream.Decode(given.Encode()); err != nil || *again.Transform.Buffering.Interval != 0 {
		t.Errorf("stored and read: %+v, %v", again.Transform, err)
	}
}

func TestNameOfAFunction(t *testing.T) {
	a, b := stream.Transform{HTTP: &stream.HTTPFunction{URL: "http://f/x?code=1"}}, stream.Transform{HTTP: &stream.HTTPFunction{URL: "http://f/x?code=2"}}
	if got := a.Name(); got != "http://f/x?xxxxx" {
		t.Errorf("it is called %q, want its query hidden", got)
	}
	if !a.IsAt(a) || a.IsAt(b) {
		t.Error("two queries are taken for one function, or one for two")
	}
}
