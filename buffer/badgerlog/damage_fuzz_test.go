package badgerlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"hydrant/buffer"
)

// FuzzDamagedDirectory does anything to a log's directory: bits flipped, files cut, removed, exchanged, grown, overwritten
// with parts of themselves, files of others laid beside. It starts without a panic, in bounded time and memory, or says why
// not; no record is ever another one than was acknowledged; and where one file alone was damaged nothing is missing in silence.
func FuzzDamagedDirectory(f *testing.F) {
	for kind := range byte(len(vandalisms)) {
		f.Add(kind%2 == 0, []byte{kind, 5 * kind, 1, 90, 0, 200, 3})
		f.Add(kind%2 == 1, []byte{kind, 3 * kind, 7, 1, 2, 0, 40, kind + 1, kind + 5, 0, 0, 3, 0, 9})
	}
	directories := map[bool]*stilled{}
	f.Fuzz(func(t *testing.T, killed bool, choices []byte) {
		if directories[killed] == nil {
			directories[killed] = still(t, killed)
		}
		s := directories[killed]
		v := &vandal{stilled: s, choices: choices, files: maps.Clone(s.files), touched: map[string]bool{}}
		v.work()
		hung := time.AfterFunc(2*time.Minute, func() { panic("the start hangs: " + v.said.String()) })
		defer hung.Stop()
		if len(v.touched) <= 1 && !v.confusing {
			s.starts(t, v.said.String(), v.lay)
			return
		}
		s.survives(t, v.said.String(), v.lay)
	})
}

// vandal damages a directory in memory, as bytes that a fuzzer chose tell it.
type vandal struct {
	*stilled
	choices   []byte
	files     map[string]stilledFile
	touched   map[string]bool // files of the log that are not what they were
	foreign   []string        // laid beside; a directory where the name ends with a slash
	confusing bool            // what was laid beside looks like the log's own
	said      strings.Builder
}

var vandalisms = []func(v *vandal, path string){
	(*vandal).flip, (*vandal).cut, (*vandal).remove, (*vandal).exchange, (*vandal).grow, (*vandal).overwrite, (*vandal).copyWithin,
	(*vandal).layBeside,
}

func (v *vandal) work() {
	for n := 0; len(v.choices) > 0 && n < 6; n++ {
		kind := vandalisms[v.next(len(vandalisms))]
		paths := slices.Sorted(maps.Keys(v.files))
		if len(paths) == 0 {
			return
		}
		kind(v, paths[v.next(len(paths))])
	}
}

// next is a choice below n.
func (v *vandal) next(n int) int {
	var wide int
	for range 2 {
		wide <<= 8
		if len(v.choices) > 0 {
			wide += int(v.choices[0])
			v.choices = v.choices[1:]
		}
		if n <= 1<<8 {
			break
		}
	}
	if n <= 0 {
		return 0
	}
	return wide % n
}

// some are the bytes that are chosen next, of which others may be made again.
func (v *vandal) some() []byte {
	n := v.next(64)
	return v.choices[:min(len(v.choices), n)]
}

func (v *vandal) change(path, what string, data []byte, size int64) {
	fmt.Fprintf(&v.said, "%s of %s; ", what, path)
	v.touched[path] = true
	v.files[path] = stilledFile{data, max(size, int64(len(data)))}
}

func (v *vandal) flip(path string) {
	f := v.files[path]
	if len(f.data) == 0 {
		return
	}
	data, at := bytes.Clone(f.data), v.next(len(f.data))
	data[at] ^= 1 << v.next(8)
	v.change(path, fmt.Sprintf("a bit of byte %d", at), data, f.size)
}

func (v *vandal) cut(path string) {
	f := v.files[path]
	n := v.next(len(f.data) + 1)
	v.change(path, fmt.Sprintf("all but the first %d bytes", n), f.data[:n], int64(n))
}

func (v *vandal) remove(path string) {
	v.touched[path] = true
	delete(v.files, path)
	fmt.Fprintf(&v.said, "%s removed; ", path)
}

func (v *vandal) exchange(path string) {
	paths := slices.Sorted(maps.Keys(v.files))
	other := paths[v.next(len(paths))]
	v.touched[path], v.touched[other] = true, true
	v.files[path], v.files[other] = v.files[other], v.files[path]
	fmt.Fprintf(&v.said, "%s and %s exchanged; ", path, other)
}

func (v *vandal) grow(path string) {
	f := v.files[path]
	data := append(bytes.Clone(f.data), make([]byte, v.next(3)*int(f.size-int64(len(f.data)))/2)...)
	data = append(data, v.some()...)
	v.change(path, "bytes at the end", data, f.size)
}

func (v *vandal) overwrite(path string) {
	f := v.files[path]
	data, at := bytes.Clone(f.data), v.next(len(f.data))
	copy(data[at:], v.some())
	v.change(path, fmt.Sprintf("bytes from %d on", at), data, f.size)
}

func (v *vandal) copyWithin(path string) {
	f := v.files[path]
	data, from, to := bytes.Clone(f.data), v.next(len(f.data)), v.next(len(f.data))
	n := v.next(len(f.data) - from)
	copy(data[to:], f.data[from:from+n])
	v.change(path, fmt.Sprintf("%d bytes from %d at %d", n, from, to), data, f.size)
}

// layBeside adds what is not the log's.
func (v *vandal) layBeside(path string) {
	names := []string{
		"gen-foreign/", "gen-1", ".trash-gen-0000000000000002/", "log.json.tmp", "lost+found/", filepath.Dir(path) + "/000002.vlog",
		filepath.Dir(path) + "/notes.txt", "gen-0000000000000077/", "gen-99999999999999999999/", "gen-0000000000000078", filepath.Dir(path) + "/00002.mem",
		"gen-2/", "gen-18446744073709551615/",
	}
	name := names[v.next(len(names))]
	v.foreign = append(v.foreign, name)
	v.confusing = v.confusing || strings.HasSuffix(name, ".vlog") || strings.HasSuffix(name, ".mem")
	fmt.Fprintf(&v.said, "%s beside; ", name)
}

// lay puts everything into a directory that holds the log as it was.
func (v *vandal) lay(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for path, f := range v.files {
		full := filepath.Join(dir, path)
		err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, f.data, 0o644), os.Truncate(full, f.size))
		if err != nil {
			return err
		}
	}
	for _, name := range v.foreign {
		full := filepath.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(full, 0o755); err != nil {
				return err
			}
			continue
		}
		err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte("of somebody else"), 0o644))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// survives starts on what may be damaged in several places at once: it may refuse, and say why; what it delivers is what was
// acknowledged, or it was told as damage.
func (s *stilled) survives(t *testing.T, what string, damage func(dir string) error) {
	t.Helper()
	dir := memoryDir(t)
	defer os.RemoveAll(dir)
	if err := damage(dir); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	l, err := Open(Config{Dir: dir, MaxDisk: MinDisk})
	if err != nil {
		if err.Error() == "" {
			t.Errorf("%s: refused without a word", what)
		}
		return
	}
	for id, lane := range s.lanes {
		if have := l.lanes[id]; have != nil {
			s.onlyWhatWas(t, what, have, lane)
		}
	}
	if err := l.Close(); err != nil {
		t.Errorf("%s: close: %v", what, err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 512<<20 {
		t.Errorf("%s: the start took %d MiB of memory", what, grown>>20)
	}
}

// onlyWhatWas reads a lane to its end.
func (s *stilled) onlyWhatWas(t *testing.T, what string, lane *lane, want *stilledLane) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var b buffer.Block
	info := lane.Info()
	for after := info.Cursor; after < info.Head; {
		err := lane.Read(ctx, after, &b)
		var corrupt *buffer.CorruptError
		if errors.As(err, &corrupt) && corrupt.To > after {
			after = corrupt.To
			continue
		}
		if err != nil {
			t.Errorf("%s: read above %d: %v", what, after, err)
			return
		}
		for r := range b.Records() {
			if record, known := want.records[r.Seq]; known && !bytes.Equal(record, r.Data) {
				t.Errorf("%s: record %d is another one", what, r.Seq)
			}
			if r.Seq >= want.next {
				t.Errorf("%s: record %d was never written", what, r.Seq)
			}
		}
		after = b.Last()
	}
}
