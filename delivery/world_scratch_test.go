package delivery_test

import (
	"fmt"
	"path/filepath"
	"strings"

	"hydrant/delivery"
)

// useScratch gives the world a scratch directory and returns it.
func (w *world) useScratch(limit int64) (dir string) {
	w.t.Helper()
	dir = filepath.Join(w.t.TempDir(), "scratch")
	var err error
	if w.scratch, err = delivery.OpenScratch(dir, limit); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		w.kill()
		if kept, _ := w.scratch.Used(); kept != 0 {
			w.t.Errorf("%d bytes of scratch are held after the end", kept)
		}
		if err := w.scratch.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return dir
}

// spread appends records of 8 KiB to keys in turn and returns the lines that they become.
func (w *world) spread(records, keys int) []string {
	pad := strings.Repeat("0123456789abcdef", 512)
	var lines, batch []string
	for i := range records {
		r := fmt.Sprintf(`{"key":"k%d","n":%d,"pad":"%s"}`, i%keys, i, pad)
		lines = append(lines, fmt.Sprintf("key=k%d %s", i%keys, r))
		if batch = append(batch, r); len(batch) == 100 || i == records-1 {
			w.append(batch...)
			batch = nil
		}
	}
	return lines
}
