package partitioner_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"

	"hydrant/stream"
	"hydrant/stream/expr"
)

var update = flag.Bool("update", false, "write testdata/outputs.golden anew")

// TestGolden pins what Logic promises: a difference here is a change of the logic version, unless no release has had it.
func TestGolden(t *testing.T) {
	cases, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	got := render(t, cases)
	const golden = "testdata/outputs.golden"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// render writes the outputs of every record under every definition of cases.
func render(t *testing.T, cases []byte) []byte {
	var input struct {
		Streams []json.RawMessage
		Records []struct {
			Arrival int64
			Data    string
		}
	}
	if err := json.Unmarshal(cases, &input); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, source := range input.Streams {
		s, err := stream.Decode(source)
		if err != nil {
			t.Fatal(err)
		}
		s = s.WithDefaults()
		p := newPartitioner(t, s)
		fmt.Fprintf(&text, "stream %s\n", s.Encode())
		for _, r := range input.Records {
			fmt.Fprintf(&text, "record %d %s\n", r.Arrival, r.Data)
			for _, out := range p.Process(nil, 1, r.Arrival, []byte(r.Data)) {
				prefix := bytes.ReplaceAll(out.Prefix, []byte(expr.RandomString), []byte("<random>"))
				fmt.Fprintf(&text, "   %s %s\n", prefix, out.Error)
				if out.Error != "" {
					fmt.Fprintf(&text, "   %s", out.Data)
				}
			}
		}
		text.WriteByte('\n')
	}
	return text.Bytes()
}
