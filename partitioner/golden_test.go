package partitioner_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"

	"hydrant/partitioner"
	"hydrant/stream"
	"hydrant/stream/expr"
)

var update = flag.Bool("update", false, "write testdata/outputs.golden anew")

// TestGolden pins what Logic promises: a difference here is a change of the logic version, unless no release has had it.
func TestGolden(t *testing.T) {
	t.Run("Logic 1", func(t *testing.T) { golden(t, 1, "testdata/cases.json", "testdata/outputs.golden") })
	t.Run("Logic 2", func(t *testing.T) { golden(t, 2, "testdata/cases-2.json", "testdata/outputs-2.golden") })
}

func golden(t *testing.T, logic uint32, input, golden string) {
	cases, err := os.ReadFile(input)
	if err != nil {
		t.Fatal(err)
	}
	got := render(t, logic, cases)
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
func render(t *testing.T, logic uint32, cases []byte) []byte {
	var input struct {
		Streams []json.RawMessage
		Records []struct {
			Arrival int64
			Data    string
			Base64  []byte // in place of Data
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
		if have := partitioner.LogicOf(s); have != logic {
			t.Errorf("stream %s needs logic %d, want %d", s.Name, have, logic)
		}
		fmt.Fprintf(&text, "stream %s\n", s.Encode())
		for _, r := range input.Records {
			data := append(r.Base64, r.Data...)
			if r.Base64 != nil {
				fmt.Fprintf(&text, "record %d %q\n", r.Arrival, data)
			} else {
				fmt.Fprintf(&text, "record %d %s\n", r.Arrival, r.Data)
			}
			for _, out := range p.Process(nil, 1, r.Arrival, data) {
				prefix := bytes.ReplaceAll(out.Prefix, []byte(expr.RandomString), []byte("<random>"))
				fmt.Fprintf(&text, "   %s %s\n", prefix, out.Error)
				if out.Error != "" {
					fmt.Fprintf(&text, "   %s", out.Data)
				} else if logic > 1 {
					fmt.Fprintf(&text, "   %q\n", out.Data)
				}
			}
		}
		text.WriteByte('\n')
	}
	return text.Bytes()
}
