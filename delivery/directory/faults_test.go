package directory

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"hydrant/delivery"
	"hydrant/stream"
)

func TestErrorClasses(t *testing.T) {
	for _, tt := range []struct {
		err   error
		class delivery.Class
	}{
		{syscall.ENOSPC, delivery.Held},
		{syscall.EDQUOT, delivery.Held},
		{syscall.EROFS, delivery.Held},
		{syscall.EACCES, delivery.Held},
		{syscall.EPERM, delivery.Held},
		{syscall.ENOTDIR, delivery.Held},
		{syscall.ENAMETOOLONG, delivery.Held},
		{syscall.EXDEV, delivery.Held},
		{syscall.EIO, delivery.Transient},
		{syscall.EMFILE, delivery.Transient},
		{syscall.ESTALE, delivery.Transient},
		{context.DeadlineExceeded, delivery.Transient},
		{errors.New("anything else"), delivery.Transient},
	} {
		err := unknown("create", "key", fmt.Errorf("context: %w", &fs.PathError{Op: "write", Path: "p", Err: tt.err}))
		expectTrouble(t, err, tt.class, false)
		if !errors.Is(err, tt.err) {
			t.Errorf("%v does not wrap %v", err, tt.err)
		}
	}
}

// What is known of the outcome depends on how far the creation came.
func TestFailedSteps(t *testing.T) {
	for _, tt := range []struct {
		name    string
		fail    func(d *Destination, err error)
		err     error
		class   delivery.Class
		refused bool
	}{
		{"name refused", failPublish, syscall.ENOSPC, delivery.Held, true},
		{"name in doubt", failPublish, syscall.EIO, delivery.Transient, false},
		{"directory not synced", failSync(0), syscall.EIO, delivery.Transient, true},
		{"name not synced", failSync(1), syscall.EIO, delivery.Transient, false},
		{"name not synced on a read-only file system", failSync(1), syscall.EROFS, delivery.Held, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := open(t, newRoot(t))
			tt.fail(d, tt.err)
			err := d.Create(t.Context(), &delivery.Object{Key: "a/b", Body: delivery.Body{[]byte("x")}})
			expectTrouble(t, err, tt.class, tt.refused)
			expectNoUnfinished(t, d)

			d.publish, d.tree.sync = publish, syncDirectory
			err = d.Create(t.Context(), &delivery.Object{Key: "a/b", Body: delivery.Body{[]byte("x")}})
			if err != nil && !errors.Is(err, delivery.ErrExists) {
				t.Errorf("Create after the fault = %v, want success or ErrExists", err)
			}
		})
	}
}

func failPublish(d *Destination, err error) {
	d.publish = func(from, to string) error { return &os.LinkError{Op: "link", Old: from, New: to, Err: err} }
}

// failSync makes the sync of a directory fail after as many that succeed.
func failSync(after int32) func(*Destination, error) {
	return func(d *Destination, err error) {
		var calls atomic.Int32
		d.tree.sync = func(dir string) error {
			if calls.Add(1) > after {
				return &fs.PathError{Op: "sync", Path: dir, Err: err}
			}
			return syncDirectory(dir)
		}
	}
}

// Every name that leads to an object is synced before the object counts as created, and each only once.
func TestEveryNameIsSynced(t *testing.T) {
	d := open(t, newRoot(t))
	var synced []string
	d.tree.sync = func(dir string) error {
		synced = append(synced, strings.TrimPrefix(dir, filepath.Dir(d.root)))
		return syncDirectory(dir)
	}
	expect := func(key string, want ...string) {
		t.Helper()
		synced = nil
		create(t, d, key, []byte("x"))
		if !slices.Equal(synced, want) {
			t.Errorf("Create %s synced %q, want %q", key, synced, want)
		}
	}
	expect("1", "/objects")
	expect("a/b/1", "/objects", "/objects/a", "/objects/a/b")
	expect("a/b/2", "/objects/a/b")
	expect("a/c/1", "/objects/a", "/objects/a/c")
}

// An object that another process made visible and perhaps not yet durable is made durable before it is reported.
func TestFoundIsDurable(t *testing.T) {
	root := newRoot(t)
	create(t, open(t, root), "a/b/1", []byte("x"))
	for name, find := range map[string]func(d *Destination) error{
		"create": func(d *Destination) error { return d.Create(t.Context(), &delivery.Object{Key: "a/b/1"}) },
		"stat":   func(d *Destination) error { _, err := d.Stat(t.Context(), "a/b/1"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, root)
			var synced []string
			d.tree.sync = func(dir string) error {
				synced = append(synced, strings.TrimPrefix(dir, root))
				return nil
			}
			if err := find(d); err != nil && !errors.Is(err, delivery.ErrExists) {
				t.Fatal(err)
			}
			if want := []string{"", "/a", "/a/b"}; !slices.Equal(synced, want) {
				t.Errorf("synced %q, want %q", synced, want)
			}
			failSync(0)(d, syscall.EIO)
			expectTrouble(t, find(d), delivery.Transient, name == "create")
		})
	}
}

func TestLeftoversAreSwept(t *testing.T) {
	root := newRoot(t)
	living := open(t, root)
	shared := filepath.Dir(living.scratch.dir)
	kept, err := living.scratch.write(t.Context(), delivery.Body{[]byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(shared, "dead")
	unlocked := filepath.Join(shared, "unlocked")
	for _, dir := range []string{dead, unlocked} {
		if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "7"), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dead, "lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}

	open(t, root)
	for _, dir := range []string{dead, unlocked} {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there (%v), want it swept", dir, err)
		}
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("the unfinished file of a living process is gone: %v", err)
	}
}

// A process that is killed leaves nothing that the next one does not sweep, and no part of an object.
func TestKilledProcess(t *testing.T) {
	root := newRoot(t)
	child := exec.Command(os.Args[0], "-test.run=^TestChild$")
	child.Env = append(os.Environ(), childRoot+"="+root)
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	place, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // reports the kill
	place = strings.TrimSpace(place)
	if got := files(t, place); len(got) != 2 {
		t.Fatalf("the killed process left %q, want its lock and an unfinished file", got)
	}

	d := open(t, root)
	if _, err := os.Stat(place); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there (%v), want it swept", place, err)
	}
	if got := files(t, d.root); len(got) > 0 {
		t.Errorf("the tree has %q, want nothing", got)
	}
}

const childRoot = "HYDRANT_TEST_DIRECTORY_CHILD"

// TestChild is the process that TestKilledProcess kills between writing a file and naming it.
func TestChild(t *testing.T) {
	root := os.Getenv(childRoot)
	if root == "" {
		return
	}
	d, err := New(stream.Directory{Path: root})
	if err != nil {
		t.Fatal(err)
	}
	d.publish = func(string, string) error {
		fmt.Println(d.scratch.dir)
		<-t.Context().Done() // not before it is killed
		return nil
	}
	_ = d.Create(t.Context(), &delivery.Object{Key: "a/b", Body: delivery.Body{[]byte("x")}})
}

type counter struct{ atomic.Uint64 }

func (c *counter) next() string { return fmt.Sprintf("many/%d", c.Add(1)) }
