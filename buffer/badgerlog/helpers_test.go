package badgerlog

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

func bytesReader(b []byte) io.ReaderAt { return bytes.NewReader(b) }

// readVlog finds the value log of the one generation that holds values, and what lies in it.
func readVlog(t *testing.T, dir string) (path string, data []byte, found *scanned) {
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
		if found, err := scan(bytesReader(data), int64(len(data)), noHoles); err == nil && len(found.groups) > 0 {
			return path, data, found
		}
	}
	t.Fatal("no generation holds anything")
	return "", nil, nil
}

// noHoles is for files that are read whole.
func noHoles(at int64) int64 { return at }

func vlogOf(t *testing.T, dir string) string {
	t.Helper()
	path, _, _ := readVlog(t, dir)
	return path
}

// lastValueEnd is where the last value of the log ends.
func lastValueEnd(t *testing.T, dir string) int {
	t.Helper()
	_, _, found := readVlog(t, dir)
	end := 0
	for _, where := range found.values {
		end = max(end, int(where.offset)+where.length)
	}
	return end
}

// flipAt turns a bit of a value of the log in dir.
func flipAt(t *testing.T, dir string, keys ...string) {
	t.Helper()
	path, data, found := readVlog(t, dir)
	for _, key := range keys {
		where, ok := found.values[key]
		if !ok {
			t.Fatalf("no value %q", key)
		}
		data[where.offset+int64(where.length)-1] ^= 4
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// tear cuts the values of the log in dir off behind end and, in steps, down to begin, and shows what a start would load then.
func tear(t *testing.T, dir string, begin, end, steps int, look func(cut int, m *image)) {
	t.Helper()
	path, data, _ := readVlog(t, dir)
	for cut := end; cut >= begin; cut -= max(1, (end-begin)/steps) {
		clear(data[cut:])
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		loaded(t, dir, func(m *image) { look(cut, m) })
	}
}

// loaded shows what a start would load from dir.
func loaded(t *testing.T, dir string, look func(*image)) {
	t.Helper()
	m, err := load(dir, untold)
	if err != nil {
		t.Fatal(err)
	}
	look(m)
	if err := m.release(); err != nil {
		t.Error(err)
	}
}

func newGeneration(t *testing.T, capacity int64) *generation {
	t.Helper()
	g, err := createGeneration(t.TempDir(), 1, capacity, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.release(); err != nil {
			t.Error(err)
		}
	})
	return g
}
