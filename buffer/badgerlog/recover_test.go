package badgerlog

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"hydrant/buffer"
)

// A kill between the creation of Badger's files and their growth leaves them empty, and Badger never opens them again.
func TestRecoversFromEmptyFiles(t *testing.T) {
	for _, name := range []string{vlogName, walName, "MANIFEST", "KEYREGISTRY", "DISCARD"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r := openRig(t, Config{Dir: dir})
			r.mustAdd("kept")
			r.stop()
			half := filepath.Join(dir, fmt.Sprintf("%s%016d", generationPrefix, 99))
			if err := os.Mkdir(half, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(half, name), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			r = openRig(t, Config{Dir: dir})
			r.mustAdd("new")
			equal(t, "records", r.records(), []string{"kept", "new"})
		})
	}
}

// Recovery must not depend on Badger's write-ahead log: the value log says everything.
func TestRecoversWithoutBadgersOwnLog(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, Config{Dir: dir})
	r.mustAdd("one")
	r.mustAdd("two")
	crashed := copyDir(t, dir)
	logs, err := filepath.Glob(filepath.Join(crashed, generationPrefix+"*", walName))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no write-ahead logs found: %v", err)
	}
	for _, path := range logs {
		if err := os.Truncate(path, 10); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "records", openRig(t, Config{Dir: crashed}).records(), []string{"one", "two"})
}

// A torn tail at every byte of the last group: the groups before it are whole, and it is there whole or not at all.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, Config{Dir: dir})
	r.mustAdd("first")
	before := lastValueEnd(t, dir)
	last := r.mustAdd("second")
	end := lastValueEnd(t, dir)
	tear(t, copyDir(t, dir), before, end, 24, func(cut int, m *image) {
		if len(m.lost) > 0 {
			t.Errorf("cut at %d: %v", cut, m.lost)
		}
		blocks := m.blocks[buffer.LaneID{Stream: r.id}]
		if blocks[last-1] == nil || (cut < end && blocks[last] != nil) || (cut == end && blocks[last] == nil) {
			t.Errorf("cut at %d of %d: blocks %v", cut, end, blocks)
		}
	})
}

// One flipped bit anywhere in what was synced is noticed, and costs only the group it lies in.
func TestFlippedBitIsNamed(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, Config{Dir: dir})
	const records = 20
	for i := range records {
		r.mustAdd(fmt.Sprintf("record %d", i))
	}
	crashed := copyDir(t, dir)
	path, whole, found := readVlog(t, crashed)
	for key, where := range found.values {
		if key[0] != 'b' || key == blockKey(buffer.LaneID{Stream: r.id}, records, 1) {
			continue // at the very end a damaged group looks like one that was never acknowledged
		}
		flipped := append([]byte(nil), whole...)
		flipped[where.offset+int64(where.length)/2] ^= 0x10
		if err := os.WriteFile(path, flipped, 0o644); err != nil {
			t.Fatal(err)
		}
		loaded(t, crashed, func(m *image) {
			if got := len(m.blocks[buffer.LaneID{Stream: r.id}]); len(m.lost[buffer.LaneID{Stream: r.id}]) != 1 || got != records-1 {
				t.Errorf("a bit flipped at %d: %d blocks are left, damage %v", where.offset, got, m.lost)
			}
		})
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	openRig(t, Config{Dir: dir})
	if _, err := Open(Config{Dir: dir}); err == nil {
		t.Fatal("the same directory was opened twice")
	}
	if _, err := Inspect(dir); err == nil {
		t.Fatal("a running log was inspected")
	}
}

// A directory of another name is somebody else's, and no generation takes a number from it.
func TestNamesOfGenerations(t *testing.T) {
	for name, want := range map[string]bool{
		"gen-0000000000000007": true, "gen-0000004294967295": true,
		"gen-7": false, "gen-": false, "0000000000000007": false, "gen-0000004294967296": false, "gen-18446744073709551615": false,
		"gen-99999999999999999999": false, "gen-+000000000000007": false,
	} {
		if _, ok := parseGeneration(name); ok != want {
			t.Errorf("%s is a generation's name: %v, want %v", name, ok, want)
		}
	}
}
