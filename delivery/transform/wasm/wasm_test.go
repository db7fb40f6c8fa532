package wasm_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hydrant/delivery/deliverytest"
	"hydrant/delivery/transform"
	"hydrant/delivery/transform/wasm"
	"hydrant/partitioner"
	"hydrant/stream"
)

// The example does what it says, and nothing that a module does to itself harms the node or another call.
func TestModule(t *testing.T) {
	f, err := wasm.New(t.Context(), stream.WASM{Path: deliverytest.BuildModule(t), Memory: 64 * stream.MiB})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, c := range []struct{ data, code string }{
		{"hello", ""}, {"bomb", transform.FunctionError}, {"exit", transform.FunctionError}, {"loop", transform.RequestTimedOut}, {"again", ""},
	} {
		function := transform.Function{Invoker: f, Name: "m", Timeout: time.Minute}
		if c.data == "loop" {
			function.Timeout = 2 * time.Second
		}
		out, err := function.Call(context.Background(), []transform.Record{{Data: []byte(c.data), Raw: []byte(c.data)}})
		if err != nil {
			t.Fatal(err)
		}
		switch o := out[0]; {
		case c.code == "" && (o.Result != partitioner.Passed || string(o.Data) == c.data):
			t.Errorf("%s became %+v", c.data, o)
		case o.Code != c.code || c.code != "" && string(o.Raw) != c.data:
			t.Errorf("%s failed with %s: %s, want %s", c.data, o.Code, o.Message, c.code)
		}
	}
}

// Parts of small modules: a type of functions, one that is defined, one that is exported as what runs, and the code of one.
const (
	head     = "\x00asm\x01\x00\x00\x00"
	typed    = head + "\x01\x04\x01\x60\x00\x00"
	function = "\x03\x02\x01\x00"
	code     = "\x0a\x04\x01\x02\x00\x0b"
)

func exported(index byte) string { return "\x07\x0a\x01\x06_start\x00" + string(index) }

// A module of which no call could do anything is refused when it is read, with its file and what is wrong with it.
func TestNoModule(t *testing.T) {
	for name, c := range map[string]struct{ module, want string }{
		"text":                  {"no module", "compile "},
		"empty":                 {"", "compile "},
		"cut off":               {typed + "\x03", "compile "},
		"nothing in it":         {head, "it exports no function _start"},
		"not exported":          {typed + function + code, "it exports no function _start"},
		"a start with a result": {head + "\x01\x05\x01\x60\x00\x01\x7f" + function + exported(0) + "\x0a\x06\x01\x04\x00\x41\x00\x0b", "takes or returns values"},
		"a foreign import":      {typed + "\x02\x09\x01\x03env\x01f\x00\x00" + function + exported(1) + code, "it imports f of env, which there is not"},
		"an unknown function of WASI": {
			typed + "\x02\x24\x01\x16wasi_snapshot_preview1\x09proc_quit\x00\x00" + function + exported(1) + code,
			"it imports proc_quit of wasi_snapshot_preview1",
		},
		"a function of WASI of another type": {
			typed + "\x02\x24\x01\x16wasi_snapshot_preview1\x09proc_exit\x00\x00" + function + exported(1) + code,
			"it imports proc_exit of wasi_snapshot_preview1",
		},
		"a foreign memory": {typed + "\x02\x0a\x01\x03env\x01m\x02\x00\x01" + function + exported(0) + code, "it imports the memory m of env"},
		"too much memory":  {typed + function + "\x05\x04\x01\x00\x80\x08" + exported(0) + code, "memory"},
	} {
		path := filepath.Join(t.TempDir(), "f.wasm")
		if err := os.WriteFile(path, []byte(c.module), 0o600); err != nil {
			t.Fatal(err)
		}
		wantRefused(t, name, path, c.want)
	}
	absent := filepath.Join(t.TempDir(), "absent.wasm")
	wantRefused(t, "none", absent, "no such file")
	if err := os.WriteFile(absent, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(absent, 64<<20+1); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, "a large one", absent, "has more than 67108864 bytes")

	path := filepath.Join(t.TempDir(), "least.wasm")
	if err := os.WriteFile(path, []byte(typed+function+exported(0)+code), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := wasm.New(t.Context(), stream.WASM{Path: path, Memory: stream.MiB})
	if err != nil {
		t.Fatalf("the least that can be run: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func wantRefused(t *testing.T, name, path, reason string) {
	t.Helper()
	_, err := wasm.New(t.Context(), stream.WASM{Path: path, Memory: stream.MiB})
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), reason) {
		t.Errorf("%s: %v, want %q", name, err, reason)
	}
}
