package directory

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

func TestDirectory(t *testing.T) {
	deliverytest.Run(t, func(t *testing.T) delivery.Destination { return open(t, newRoot(t)) })
}

func TestDirectoryRecords(t *testing.T) {
	deliverytest.RunRecords(t, func(t *testing.T) delivery.Destination { return open(t, newRoot(t)) })
}

// Two destinations stand for two processes that write to one directory.
func TestDirectoryShared(t *testing.T) {
	deliverytest.Run(t, func(t *testing.T) delivery.Destination {
		root := newRoot(t)
		return &alternating{both: [2]*Destination{open(t, root), open(t, root)}}
	})
}

// A program that lists the tree sees whole objects and nothing else.
func TestTreeShowsOnlyWholeObjects(t *testing.T) {
	d := open(t, newRoot(t))
	body := delivery.Body{bytes.Repeat([]byte("0123456789abcdef"), 1<<16)}
	done := make(chan struct{})
	var listers sync.WaitGroup
	for range 2 {
		listers.Go(func() {
			for {
				expectWhole(t, d.root, len(body[0]))
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for _, key := range []string{"a/1", "a/2", "b/c/3", "b/c/4", "5"} {
		create(t, d, key, body...)
	}
	close(done)
	listers.Wait()
	if got, want := files(t, d.root), []string{"5", "a/1", "a/2", "b/c/3", "b/c/4"}; !slices.Equal(got, want) {
		t.Errorf("the tree has %q, want %q", got, want)
	}
	expectNoUnfinished(t, d)
}

func expectWhole(t *testing.T, root string, size int) {
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Size() != int64(size) {
			t.Errorf("%s has %d bytes, want %d", path, info.Size(), size)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestKeysThatAreNoFileNames(t *testing.T) {
	d := open(t, newRoot(t))
	for name, key := range map[string]string{
		"empty":          "",
		"absolute":       "/etc/passwd",
		"parent":         "a/../../b",
		"parent first":   "../b",
		"parent last":    "a/..",
		"itself":         "./b",
		"empty segment":  "a//b",
		"directory":      "a/",
		"zero byte":      "a/b\x00c",
		"long segment":   strings.Repeat("x", 256),
		"too many bytes": strings.Repeat("x/", 512) + "y",
	} {
		t.Run(name, func(t *testing.T) {
			err := d.Create(t.Context(), &delivery.Object{Key: key, Body: delivery.Body{[]byte("x")}})
			expectTrouble(t, err, delivery.Held, true)
			_, err = d.Stat(t.Context(), key)
			expectTrouble(t, err, delivery.Held, true)
			_, err = d.Open(t.Context(), key)
			expectTrouble(t, err, delivery.Held, true)
		})
	}
	if got := files(t, filepath.Dir(d.root)); len(got) > 2 { // the locks
		t.Errorf("files were made: %q", got)
	}
}

func TestNamesAlreadyInUse(t *testing.T) {
	d := open(t, newRoot(t))
	create(t, d, "file", []byte("x"))
	create(t, d, "directory/file", []byte("x"))
	for _, key := range []string{"file/below", "file/below/deep", "directory"} {
		err := d.Create(t.Context(), &delivery.Object{Key: key, Body: delivery.Body{[]byte("y")}})
		expectTrouble(t, err, delivery.Held, true)
		if !strings.Contains(err.Error(), "remove it or change the prefix") {
			t.Errorf("Create %s = %v, want advice", key, err)
		}
		if _, err := d.Stat(t.Context(), key); !errors.Is(err, delivery.ErrNotExist) {
			t.Errorf("Stat %s = %v, want ErrNotExist", key, err)
		}
	}
	expectNoUnfinished(t, d)
}

func TestModesAreLeftToTheMask(t *testing.T) {
	d := open(t, newRoot(t))
	create(t, d, "a/b", []byte("x"))
	reference := filepath.Join(t.TempDir(), "a")
	err := errors.Join(os.Mkdir(reference, 0o755), os.WriteFile(filepath.Join(reference, "b"), nil, 0o644))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "a/b"} {
		got, want := mode(t, filepath.Join(d.root, name)), mode(t, filepath.Join(filepath.Dir(reference), name))
		if got != want {
			t.Errorf("%s has mode %v, want %v", name, got, want)
		}
	}
}

func TestRemovedDirectoriesAreMadeAgain(t *testing.T) {
	d := open(t, newRoot(t))
	create(t, d, "a/b/c/1", []byte("x"))
	for _, removed := range []string{"a", "a/b", "a/b/c"} {
		if err := os.RemoveAll(filepath.Join(d.root, removed)); err != nil {
			t.Fatal(err)
		}
		create(t, d, "a/b/c/2", []byte("x"))
	}
	if err := os.RemoveAll(d.scratch.dir); err != nil {
		t.Fatal(err)
	}
	create(t, d, "a/b/c/3", []byte("x"))
	if err := os.RemoveAll(filepath.Dir(d.scratch.dir)); err != nil {
		t.Fatal(err)
	}
	create(t, d, "a/b/c/4", []byte("x"))
}

// A root that is gone may be a file system that is not mounted: making it anew would write to the wrong disk.
func TestRemovedRootIsNotMadeAgain(t *testing.T) {
	for _, key := range []string{"1", "a/1", "a/b/1"} {
		d := open(t, newRoot(t))
		create(t, d, "a/0", []byte("x"))
		if err := os.RemoveAll(d.root); err != nil {
			t.Fatal(err)
		}
		err := d.Create(t.Context(), &delivery.Object{Key: key, Body: delivery.Body{[]byte("x")}})
		expectTrouble(t, err, delivery.Held, true)
		expectNoUnfinished(t, d)
	}
}

func TestNewRefuses(t *testing.T) {
	parent := t.TempDir()
	file := filepath.Join(parent, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ path, advice string }{
		"empty path":   {"", "name a directory"},
		"root":         {"/", "choose a directory below it"},
		"file":         {file, "remove it or change"},
		"below a file": {filepath.Join(file, "objects"), "remove it or change"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := New(stream.Directory{Path: test.path})
			if err == nil {
				t.Fatalf("New(%q) = %v, want an error", test.path, d.root)
			}
			for _, want := range []string{"destination directory", test.advice} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("New(%q) = %v, want an error that says %q", test.path, err, want)
				}
			}
		})
	}
}

func TestNewFollowsALinkToTheRoot(t *testing.T) {
	root := newRoot(t)
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(root, link); err != nil {
		t.Fatal(err)
	}
	d := open(t, link)
	create(t, d, "a/b", []byte("x"))
	if got, want := filepath.Dir(filepath.Dir(d.scratch.dir)), filepath.Dir(root); got != want {
		t.Errorf("unfinished files lie in %s, want them beside the root, in %s", got, want)
	}
}

func TestCloseLeavesOnlyObjects(t *testing.T) {
	root := newRoot(t)
	d, err := New(stream.Directory{Path: root})
	if err != nil {
		t.Fatal(err)
	}
	create(t, d, "a/b", []byte("x"))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	want := []string{".objects.tmp/lock", "objects/a/b"}
	if got := files(t, filepath.Dir(root)); !slices.Equal(got, want) {
		t.Errorf("Close left %q, want %q", got, want)
	}
}

// An operator who is told to remove a record finds the file that is named.
func TestRecordPlaceIsAFile(t *testing.T) {
	d, err := New(stream.Directory{Path: newRoot(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.StoreRecord(t.Context(), "log", "", []byte("lease")); err != nil {
		t.Fatal(err)
	}
	file, named := strings.CutPrefix(d.RecordPlace("log"), "the file ")
	if text, err := os.ReadFile(file); !named || err != nil || string(text) != "lease" {
		t.Errorf("%s holds %q, error %v", d.RecordPlace("log"), text, err)
	}
}

func BenchmarkCreate(b *testing.B) {
	for name, size := range map[string]int{"4KiB": 4 << 10, "1MiB": 1 << 20, "16MiB": 16 << 20} {
		b.Run(name, func(b *testing.B) {
			d, err := New(stream.Directory{Path: filepath.Join(b.TempDir(), "objects")})
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			body := delivery.Body{make([]byte, size)}
			b.SetBytes(int64(size))
			b.SetParallelism(8)
			var names counter
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := d.Create(context.Background(), &delivery.Object{Key: names.next(), Body: body}); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// alternating sends calls to two destinations in turn.
type alternating struct {
	both  [2]*Destination
	calls counter
}

func (a *alternating) turn() *Destination { return a.both[a.calls.Add(1)%2] }

func (a *alternating) Create(ctx context.Context, o *delivery.Object) error {
	return a.turn().Create(ctx, o)
}

func (a *alternating) Stat(ctx context.Context, key string) (delivery.Metadata, error) {
	return a.turn().Stat(ctx, key)
}

func (a *alternating) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	return a.turn().Open(ctx, key)
}

func newRoot(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "objects")
}

func open(t *testing.T, root string) *Destination {
	t.Helper()
	d, err := New(stream.Directory{Path: root})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return d
}

func create(t *testing.T, d *Destination, key string, body ...[]byte) {
	t.Helper()
	if err := d.Create(t.Context(), &delivery.Object{Key: key, Body: body}); err != nil {
		t.Fatalf("Create %s: %v", key, err)
	}
}

func expectTrouble(t *testing.T, err error, class delivery.Class, refused bool) {
	t.Helper()
	var trouble *delivery.Error
	if !errors.As(err, &trouble) {
		t.Fatalf("got %v, want a *delivery.Error", err)
	}
	if trouble.Class != class || trouble.Refused != refused {
		t.Errorf("%v is %v, refused %v; want %v, %v", err, trouble.Class, trouble.Refused, class, refused)
	}
}

// expectNoUnfinished checks that no file was left beside the tree.
func expectNoUnfinished(t *testing.T, d *Destination) {
	t.Helper()
	if got, want := files(t, d.scratch.dir), []string{"lock"}; !slices.Equal(got, want) {
		t.Errorf("unfinished files are left: %q", got)
	}
}

// files lists all files below dir.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			found = append(found, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil && !errors.Is(err, syscall.ENOENT) {
		t.Fatal(err)
	}
	return found
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}
