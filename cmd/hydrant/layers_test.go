package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layers says which packages of ours each layer may import, tests left out. What is not named imports none of ours.
// Imports point one way; gateway and delivery never see each other, and only cmd sees all.
var layers = map[string][]string{
	"hydrant/stream":                      {"hydrant/stream/expr", "hydrant/stream/jq"},
	"hydrant/partitioner":                 {"hydrant/stream", "hydrant/stream/expr", "hydrant/stream/jq"},
	"hydrant/buffer/badgerlog":            {"hydrant/buffer", "hydrant/buffer/checked", "hydrant/buffer/failpoint"},
	"hydrant/buffer/keyring":              {"hydrant/buffer", "hydrant/buffer/checked"},
	"hydrant/buffer/keyring/kms":          {"hydrant/buffer", "hydrant/buffer/keyring"},
	"hydrant/buffer/memlog":               {"hydrant/buffer"},
	"hydrant/buffer/buffertest":           {"hydrant/buffer"},
	"hydrant/delivery":                    {"hydrant/buffer", "hydrant/buffer/failpoint", "hydrant/stream", "hydrant/stream/expr", "hydrant/partitioner", "hydrant/delivery/format", "hydrant/delivery/transform"},
	"hydrant/delivery/transform":          {"hydrant/partitioner", "hydrant/stream"},
	"hydrant/delivery/transform/lambda":   {"hydrant/delivery/outbound", "hydrant/delivery/transform", "hydrant/stream"},
	"hydrant/delivery/transform/endpoint": {"hydrant/delivery/outbound", "hydrant/delivery/transform", "hydrant/stream"},
	"hydrant/delivery/transform/wasm":     {"hydrant/delivery/transform", "hydrant/stream"},
	"hydrant/delivery/directory":          {"hydrant/buffer/failpoint", "hydrant/delivery", "hydrant/stream"},
	"hydrant/delivery/s3":                 {"hydrant/buffer/failpoint", "hydrant/delivery", "hydrant/delivery/outbound", "hydrant/stream"},
	"hydrant/delivery/deliverytest":       {"hydrant/delivery", "hydrant/bench/child", "hydrant/bench/s3fault"},
	"hydrant/gateway":                     {"hydrant/buffer", "hydrant/stream", "hydrant/gateway/..."},
	"hydrant/gateway/ingest":              {"hydrant/buffer", "hydrant/buffer/failpoint", "hydrant/stream", "hydrant/gateway/auth"},
	"hydrant/gateway/firehose":            {"hydrant/buffer", "hydrant/stream", "hydrant/gateway/auth", "hydrant/gateway/ingest"},
	"hydrant/gateway/firehose/control":    {"hydrant/buffer", "hydrant/stream", "hydrant/stream/definitions", "hydrant/stream/expr", "hydrant/stream/jq", "hydrant/gateway/ingest"},
	"hydrant/gateway/native":              {"hydrant/buffer", "hydrant/stream", "hydrant/stream/expr", "hydrant/gateway/auth", "hydrant/gateway/ingest"},
	"hydrant/gateway/console":             {"hydrant/bench/uplot"},
	"hydrant/bench":                       {"hydrant/bench/uplot"},
	"hydrant/bench/suite":                 {"hydrant/bench", "hydrant/bench/machine", "hydrant/bench/uplot", "hydrant/bench/child", "hydrant/bench/sink"},
	"hydrant/bench/torture":               {"hydrant/bench", "hydrant/bench/machine", "hydrant/bench/child", "hydrant/bench/sink", "hydrant/bench/s3fault"},
	"hydrant/cmd/hydrant":                 {"hydrant/..."},

	"hydrant/cmd/hydrant/tracing":                {"hydrant/buffer/badgerlog", "hydrant/delivery", "hydrant/gateway"},
	"hydrant/stream/definitions/bucket":          {"hydrant/stream/definitions"},
	"hydrant/stream/definitions/definitionstest": {"hydrant/stream/definitions"},
}

func TestLayers(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	decoder, seen := json.NewDecoder(strings.NewReader(string(out))), 0
	for {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen++
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, "hydrant/") && !allowed(p.ImportPath, imported) {
				t.Errorf("%s may not import %s", p.ImportPath, imported)
			}
		}
	}
	if seen < len(layers) {
		t.Errorf("go list names %d packages, the layers %d", seen, len(layers))
	}
}

func allowed(importer, imported string) bool {
	return slices.ContainsFunc(layers[importer], func(pattern string) bool {
		prefix, ok := strings.CutSuffix(pattern, "...")
		return pattern == imported || ok && strings.HasPrefix(imported, prefix)
	})
}
