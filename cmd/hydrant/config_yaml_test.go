package main

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"hydrant/stream"
)

func TestYAMLHoldsAnyText(t *testing.T) {
	special := rapid.SampledFrom([]rune("a \n\r\t#:'\"-|>!&*?{}[]$%@,\\~\u0085\u2028\ufeff\x01"))
	text := rapid.OneOf(rapid.String(), rapid.StringOf(special))
	rapid.Check(t, func(t *rapid.T) {
		path := text.Filter(func(s string) bool { return s != "" && !strings.ContainsRune(s, 0) }).Draw(t, "path")
		delimiter := text.Draw(t, "delimiter")
		want := defaults()
		want.Streams = []stream.Stream{stream.Stream{
			Name:        "s",
			Delimiter:   &delimiter,
			Destination: stream.Destination{Directory: &stream.Directory{Path: path}},
		}.WithDefaults()}
		written, err := want.YAML()
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseConfig("c.yaml", written, nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, written)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s\nwritten:\n%s", diff, written)
		}
	})
}

func TestYAMLIsReadToTheSameEffect(t *testing.T) {
	odd := "credentials: c.yaml\nlisten: :8080\nstreams:\n  '1': {prefix: '$${x}: #', delimiter: \"\\r\\n\", " +
		"destination: {directory: {path: 'true'}}}\n  '2': {destination: {s3: {bucket: lake, tags: {'cost: centre': '4711', " +
		"'true': 'null', '=': '', '-': ' a ', '12': '@x', ':': '-'}, metadata: {'0': '{$${x}, #', '1.5': '\"', 'no': '*'}}}}\n"
	example, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"nothing": "", "example": string(example), "odd": odd} {
		t.Run(name, func(t *testing.T) {
			first := mustLoad(t, text)
			written, err := first.YAML()
			if err != nil {
				t.Fatal(err)
			}
			again := mustLoad(t, string(written))
			first.Warnings, again.Warnings = nil, nil // they are at other places
			for i, s := range first.Streams {
				first.Streams[i] = masked(s)
			}
			if diff := cmp.Diff(first, again); diff != "" {
				t.Errorf("(-first +again):\n%s\nwritten:\n%s", diff, written)
			}
		})
	}
}

// What is printed of a definition, by check and by inspect, has the names of a function's headers and not what they say, and
// not the query of its URL; nor has a fault's excerpt.
func TestHeadersAreMasked(t *testing.T) {
	const secret = "s3cret"
	text := "streams:\n  a:\n    transform: {http: {url: 'http://localhost:1/?code=${TOKEN}', headers: {Authorization: \"Bearer ${TOKEN}\"}}}\n" +
		"    destination: {directory: {path: o}}\n"
	c, err := parseConfig("c.yaml", []byte(text), parseEnvironment([]string{"TOKEN=" + secret}))
	if err != nil {
		t.Fatal(err)
	}
	written, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	definition := c.Streams[0].Encode()
	stored, err := maskedDefinition(definition)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{string(written), string(stored)} {
		if strings.Contains(shown, secret) || !strings.Contains(shown, "Authorization") || !strings.Contains(shown, hidden) {
			t.Errorf("the header is not masked:\n%s", shown)
		}
	}
	if got := c.Streams[0].Transform.HTTP; got.Headers["Authorization"] != "Bearer "+secret || !strings.HasSuffix(got.URL, secret) {
		t.Errorf("the configuration itself was changed: %+v", got)
	}
	damaged, err := maskedDefinition(definition[1:])
	if err != nil || strings.Contains(string(damaged), secret) || !strings.Contains(string(damaged), "not shown") {
		t.Errorf("a definition that cannot be read is shown as %s, %v", damaged, err)
	}

	wrong := strings.NewReplacer("http://localhost:1/?code=${TOKEN}", "nowhere", "${TOKEN}", secret).Replace(text)
	_, err = parseConfig("c.yaml", []byte(wrong), nil)
	faults, ok := errors.AsType[Faults](err)
	if !ok || len(faults) != 1 || strings.Contains(faults[0].String()+faults[0].Excerpt(), secret) {
		t.Errorf("want one fault that does not show the header, got %v", err)
		for _, f := range faults {
			t.Log(f.Excerpt())
		}
	}
}

// A definition without secrets is shown byte for byte as it is stored, and so is what stands for a deleted stream.
func TestDefinitionsAreShownAsTheyAre(t *testing.T) {
	for _, stored := range []string{`{ "name": "a", "destination": {"directory": {"path": "o"}} }`, string(tombstone)} {
		if got, err := maskedDefinition([]byte(stored)); err != nil || string(got) != stored {
			t.Errorf("got %s, %v, want %s", got, err, stored)
		}
	}
}

// TestYAMLMasksSecrets is about a configuration that Load refuses: nothing depends on that refusal alone.
func TestYAMLMasksSecrets(t *testing.T) {
	const endpoint = "http://name:p@ss@localhost:1"
	c := defaults()
	c.Streams = []stream.Stream{{Name: "a", Destination: stream.Destination{S3: &stream.S3{Endpoint: endpoint}}}}
	written, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(written), `endpoint: "http://xxxxx@localhost:1"`) {
		t.Errorf("the endpoint is not masked:\n%s", written)
	}
	if got := c.Streams[0].Destination.S3.Endpoint; got != endpoint {
		t.Errorf("the configuration itself was changed: got %s, want %s", got, endpoint)
	}
}
