package definitions_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hydrant/stream/definitions"
	"hydrant/stream/definitions/definitionstest"
)

func open(t interface{ Fatal(...any) }, path string) *definitions.Directory {
	d, err := definitions.OpenDirectory(path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// directoryPlace is a directory.
type directoryPlace string

func (p directoryPlace) Open(t definitionstest.T) definitions.Store { return open(t, string(p)) }

// A directory belongs to one process, in which several goroutines may use it.
func TestDirectory(t *testing.T) {
	parent := t.TempDir()
	definitionstest.Run(t, func(t definitionstest.T) definitionstest.Place {
		path, err := os.MkdirTemp(parent, "")
		if err != nil {
			t.Fatal(err)
		}
		return directoryPlace(path)
	}, false)
}

// What a killed process left half-written is not seen, and a file that is damaged hides no other.
func TestDirectoryDamage(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	for _, name := range []string{"good", "bad"} {
		if _, err := d.Put(t.Context(), name, []byte("text"), ""); err != nil {
			t.Fatal(err)
		}
	}
	for file, text := range map[string]string{"half.json.new": "whatever", "bad.json": "not its hash\ntext"} {
		if err := os.WriteFile(filepath.Join(path, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	documents, err := open(t, path).Load(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the definition of stream bad is damaged") || strings.Contains(err.Error(), "good") {
		t.Errorf("got error %v", err)
	}
	if len(documents) != 1 || string(documents["good"].Data) != "text" {
		t.Errorf("got %q, want good alone", documents)
	}
	if _, err := d.Put(t.Context(), "bad", nil, ""); err == nil {
		t.Error("a damaged document is replaced as if it were not there")
	}
}
