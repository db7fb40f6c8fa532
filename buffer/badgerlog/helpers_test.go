package badgerlog

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func bytesReader(b []byte) io.ReaderAt { return bytes.NewReader(b) }

// vlogOf is the value log of the one generation that holds values.
func vlogOf(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, generationPrefix+"*", vlogName))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if found, err := scan(bytesReader(data), int64(len(data))); err == nil && len(found.groups) > 0 {
			return path
		}
	}
	t.Fatal("no generation holds anything")
	return ""
}

// lastValueEnd is where the last value of the log ends.
func lastValueEnd(t *testing.T, dir string) int {
	t.Helper()
	data, err := os.ReadFile(vlogOf(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	found, err := scan(bytesReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	end := 0
	for _, where := range found.values {
		end = max(end, int(where.offset)+where.length)
	}
	return end
}
