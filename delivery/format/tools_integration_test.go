//go:build integration

package format

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Readers with decoders of their own accept the objects as well.
func TestGzipIsReadByOtherTools(t *testing.T) {
	for tool, args := range map[string][]string{
		"gzip":    {"-dc"},
		"python3": {"-c", "import gzip,sys; sys.stdout.buffer.write(gzip.open(sys.argv[1]).read())"},
	} {
		for name, chunks := range shapes() {
			t.Run(tool+"/"+name, func(t *testing.T) {
				path := writeObject(t, chunks)
				got := run(t, tool, append(args, path)...)
				if want := bytes.Join(chunks, nil); !bytes.Equal(got, want) {
					t.Errorf("decoded %d bytes, want the %d that went in", len(got), len(want))
				}
			})
		}
	}
}

func TestGzipToolFindsNoFault(t *testing.T) {
	for name, chunks := range shapes() {
		t.Run(name, func(t *testing.T) {
			if out := run(t, "gzip", "-t", writeObject(t, chunks)); len(out) > 0 {
				t.Errorf("gzip -t says %q, want nothing", out)
			}
		})
	}
}

func writeObject(t *testing.T, chunks [][]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "object.gz")
	if err := os.WriteFile(path, object(gzipCodec{}, chunks...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func run(t *testing.T, tool string, args ...string) []byte {
	t.Helper()
	command := exec.Command(tool, args...)
	var problems bytes.Buffer
	command.Stderr = &problems
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", tool, err, problems.Bytes())
	}
	return out
}
