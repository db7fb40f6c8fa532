package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadInput(t *testing.T) {
	for _, c := range []struct {
		name, content string
		want          []string
		refused       string // part of the error
	}{
		{"array", "[ {\"a\": 1},\n null, \"x\" ]", []string{`{"a":1}`, `null`, `"x"`}, ""},
		{"lines", "{\"a\": 1}\n{\"a\": [1, 2]}\n", []string{`{"a":1}`, `{"a":[1,2]}`}, ""},
		{"pretty", "{\n \"a\": \"b c\"\n}", []string{`{"a":"b c"}`}, ""},
		{"nothing", " \n", nil, "there is no record in it"},
		{"empty array", "[]", nil, "there is no record in it"},
		{"cut", `{"a":1}{"a":`, nil, "after byte 7: unexpected EOF"},
		{"text", "a,b\n1,2\n", nil, "after byte 0: invalid character 'a'"},
		{"large", `"` + strings.Repeat("x", maxRecordSize) + `"`, nil, "a value of 1024001 bytes, of 1023881 at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "input")
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			values, err := readInput([]string{path})
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) || !strings.HasPrefix(err.Error(), "input: ") {
					t.Fatalf("got %v, want one with %q", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range values {
				got = append(got, string(v))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

func TestInputIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "input")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(maxInput); err != nil { // zeros are no JSON: the first file is never read to its end
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := readInput([]string{path}); err == nil {
		t.Error("zeros are read as JSON")
	}
	spaces := filepath.Join(t.TempDir(), "spaces")
	if err := os.WriteFile(spaces, []byte("1 2 3"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readValues(spaces, 4); err == nil || !strings.Contains(err.Error(), "larger than 268435456 bytes") {
		t.Errorf("got %v", err)
	}
	if values, size, err := readValues(spaces, 5); err != nil || len(values) != 3 || size != 5 {
		t.Errorf("got %d values, size %d, %v", len(values), size, err)
	}
}
