package badgerlog

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"hydrant/buffer"
)

// What is taken out of a mapping was written to the file: it is read there, and through the mapping again.
func TestUnmappedPagesKeepWhatWasStored(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a /b  c") // as names of files may be
	link := filepath.Join(t.TempDir(), "link")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(link, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const size = 64 * pageSize
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	if m := findMapping(f); m != (mapping{}) {
		t.Fatalf("a file that is not mapped is found at %x", m)
	}
	m, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(m)
	at := findMapping(f)
	if at.end-at.start != size {
		t.Fatalf("a mapping of %d bytes is found at %x", size, at)
	}
	want := randomBlock(size)
	copy(m, want)
	for _, r := range [][2]int64{{0, 10}, {5000, 5000}, {5000, 200_000}, {150_000, size}, {size - 1, size + 1<<30}, {size + 1, size + 2}} {
		at.unmap(r[0], r[1])
	}
	if have, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(have, want) {
		t.Errorf("the file holds something else, or %v", err)
	}
	if !bytes.Equal(m, want) {
		t.Error("the mapping shows something else")
	}
}

// A sync must not find the group's pages in Badger's mapping, or it interrupts the other processors for each.
func TestGroupsAreNotMappedAtTheirSync(t *testing.T) {
	t.Parallel()
	g := newGeneration(t, 32<<20)
	if g.mapped == (mapping{}) {
		t.Fatal("it is not known where Badger has mapped the value log")
	}
	for n := range 10 {
		values := []value{{[]byte(groupKey(uint64(n))), randomBlock(100)}, {[]byte(blockKey(buffer.LaneID{}, buffer.Seq(n), 1)), randomBlock(300 << 10)}}
		err := g.write(values, func(g *generation) error {
			if mapped := residentOf(t, g.mapped); mapped > 64<<10 {
				t.Errorf("%d bytes of the value log are mapped", mapped)
			}
			return g.sync()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// residentOf is how many bytes of a mapping are in the process's page table.
func residentOf(t *testing.T, m mapping) int {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(maps), fmt.Sprintf("\n%x-%x ", m.start, m.end))
	_, rest, found := strings.Cut(rest, "\nRss:")
	var kibibytes int
	if _, err := fmt.Sscan(rest, &kibibytes); err != nil || !found {
		t.Fatalf("the mapping %x says nothing of what is resident: %v", m, err)
	}
	return kibibytes << 10
}
