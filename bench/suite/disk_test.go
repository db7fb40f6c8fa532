package suite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The baseline writes whole groups of the size asked for, also of one larger than the input, and nothing else.
func TestRawDiskWritesGroups(t *testing.T) {
	records := []byte(strings.Repeat("0123456789", 10))
	for _, group := range []int{1, 7, 100, 1001} {
		path := filepath.Join(t.TempDir(), "raw")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		figures, err := appendGroups(t.Context(), f, records, group, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		written, err := os.ReadFile(path)
		if err != nil || len(written) == 0 || len(written)%group != 0 {
			t.Errorf("%d bytes in groups of %d, %v", len(written), group, err)
		}
		if !strings.HasPrefix(strings.Repeat(string(records), 11), string(written[:group])) {
			t.Errorf("the first group is %q", written[:group])
		}
		if figures[groupBytes] != float64(group) || figures[megabytesPS] <= 0 || figures[syncP50] <= 0 {
			t.Errorf("groups of %d: %+v", group, figures)
		}
	}
}

func TestRawDiskRemovesItsFile(t *testing.T) {
	b := &bed{dir: t.TempDir()}
	if err := os.WriteFile(b.input(lines1K), lines1K.generate(10_000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := b.rawDisk(t.Context(), "raw", lines1K, 100, 1); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.rawDisk(ended, "raw", lines1K, 100, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	left, err := os.ReadDir(b.dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left: %v %v", left, err)
	}
}

// Every codec of the rows compresses, on one core and on several.
func TestCompressors(t *testing.T) {
	records := lines1K.generate(1 << 20)
	for _, codec := range []string{"gzip", "zstd", "snappy"} {
		for _, workers := range []int{1, 3} {
			done, err := compress(t.Context(), codec, records, workers, 1)
			if err != nil {
				t.Fatal(codec, err)
			}
			in, out := done.in.Load(), done.out.Load()
			if in == 0 || out == 0 || out > in*2/3 {
				t.Errorf("%s: %d bytes became %d", codec, in, out)
			}
		}
	}
	if _, err := newCompressor("lzma"); err == nil {
		t.Error("there is a compressor lzma")
	}
}
