package wasm_test

import (
	"context"
	"path/filepath"
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

func TestNoModule(t *testing.T) {
	for _, path := range []string{filepath.Join(t.TempDir(), "absent.wasm"), "wasm_test.go"} {
		if _, err := wasm.New(t.Context(), stream.WASM{Path: path, Memory: stream.MiB}); err == nil {
			t.Errorf("%s is a module", path)
		}
	}
}
