package badgerlog

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"hydrant/buffer"
)

// Badger must find the pages that it stores into, or the kernel reads ahead of it: so it has to be known where it stores.
func TestPagesAreThereBeforeBadgerStores(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1 << 10, 20 << 10, 300 << 10} {
		g := newGeneration(t, 32<<20)
		for n := range 40 {
			values := []value{{[]byte(groupKey(uint64(n))), randomBlock(100)}, {[]byte(blockKey(buffer.LaneID{}, buffer.Seq(n), 1)), randomBlock(size)}}
			if err := g.write(values, syncGeneration); err != nil {
				t.Fatal(err)
			}
		}
		// What is behind the pages made was neither stored into nor read.
		for name, p := range map[string]*pages{vlogName: g.valuePages, walName: g.entryPages} {
			if !isHole(p.file, p.made, p.made+1<<20) {
				t.Errorf("values of %d bytes: %s has pages behind %d", size, name, p.made)
			}
		}
		data, err := os.ReadFile(filepath.Join(g.dir, vlogName))
		if err != nil {
			t.Fatal(err)
		}
		if end := int64(len(bytes.TrimRight(data, "\x00"))); g.offset < end || g.offset-end > 40*8 {
			t.Errorf("values of %d bytes: Badger has stored up to %d, expected %d", size, end, g.offset)
		}
	}
}

// Where it is not known where Badger stores, nothing that is there is touched.
func TestMakingPagesLeavesWhatIsThere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := preallocate(path, 1<<20); err != nil {
		t.Fatal(err)
	}
	p, err := openPages(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	want := randomBlock(10)
	const at = 200_000
	if _, err := p.file.WriteAt(want, at); err != nil {
		t.Fatal(err)
	}
	for _, end := range []int64{100_000, 300_000, 1 << 20} {
		if err := p.make(end, pagesAtOnce); err != nil {
			t.Fatal(err)
		}
	}
	have := make([]byte, len(want))
	if _, err := p.file.ReadAt(have, at); err != nil || !bytes.Equal(have, want) {
		t.Errorf("%x became %x, %v", want, have, err)
	}
	if err := p.file.Close(); err != nil {
		t.Fatal(err)
	}
	p.made = 0
	if err := p.make(1<<20, pagesAtOnce); err != nil {
		t.Errorf("what cannot be looked at is not left alone: %v", err)
	}
}
