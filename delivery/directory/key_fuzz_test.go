package directory

import (
	"path/filepath"
	"strings"
	"testing"
)

// No key leads out of the tree, and no two keys to the same file.
func FuzzKey(f *testing.F) {
	for _, key := range []string{"a/b.gz", "", "/", "../x", "a/../../x", "a/./b", "a//b", "a/\x00", "..\\x", strings.Repeat("é", 200)} {
		f.Add(key, "a/b.gz")
	}
	d := &Destination{root: filepath.Join(f.TempDir(), "root")}
	f.Fuzz(func(t *testing.T, key, other string) {
		path, err := d.path(key)
		if err != nil {
			return
		}
		if !strings.HasPrefix(path, d.root+string(filepath.Separator)) || !filepath.IsLocal(path[len(d.root)+1:]) {
			t.Errorf("%q leads to %q", key, path)
		}
		if same, err := d.path(other); err == nil && same == path && other != key {
			t.Errorf("%q and %q are one file", key, other)
		}
	})
}
