package definitions

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func open(t interface{ Fatal(...any) }, path string) *Directory {
	d, err := OpenDirectory(path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The store is a map whose entries change hands only by version, whenever it is opened anew.
func TestDirectoryIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path, err := os.MkdirTemp("", "definitions")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(path)
		d, want := open(t, path), map[string]string{}
		versions := map[string]Version{"": ""}
		names := rapid.SampledFrom([]string{"a", ".", "..", "x.json", "A-b_c", strings.Repeat("n", 64)})
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				name, data := names.Draw(t, "name"), rapid.String().Draw(t, "data")
				version, err := d.Put(t.Context(), name, []byte(data), versions[name])
				if err != nil {
					t.Fatal(err)
				}
				want[name], versions[name] = data, version
			},
			"put stale": func(t *rapid.T) {
				name := names.Draw(t, "name")
				if _, err := d.Put(t.Context(), name, nil, versions[name]+"x"); !errors.Is(err, ErrConflict) {
					t.Fatalf("got %v, want ErrConflict", err)
				}
			},
			"delete": func(t *rapid.T) {
				name := names.Draw(t, "name")
				if _, ok := want[name]; !ok {
					return
				}
				if err := d.Delete(t.Context(), name, versions[name]+"x"); !errors.Is(err, ErrConflict) {
					t.Fatalf("got %v, want ErrConflict", err)
				}
				if err := d.Delete(t.Context(), name, versions[name]); err != nil {
					t.Fatal(err)
				}
				delete(want, name)
				versions[name] = ""
			},
			"open again": func(t *rapid.T) { d = open(t, path) },
			"": func(t *rapid.T) {
				documents, err := d.Load(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]string{}
				for name, document := range documents {
					got[name] = string(document.Data)
					if document.Version != versions[name] {
						t.Fatalf("%s: version %s, want %s", name, document.Version, versions[name])
					}
				}
				if !maps.Equal(got, want) {
					t.Fatalf("got %q, want %q", got, want)
				}
			},
		})
	})
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
