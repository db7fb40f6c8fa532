//go:build integration && linux

package directory

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"hydrant/delivery"
	"hydrant/stream"
)

// TestMounts runs in namespaces of its own, where any user may mount: the process starts itself again in them.
func TestMounts(t *testing.T) {
	if os.Getenv(inside) == "" {
		enterNamespaces(t)
		return
	}
	t.Run("full disk", testFullDisk)
	t.Run("read-only disk", testReadOnlyDisk)
	t.Run("mount point", testMountPoint)
}

const inside = "HYDRANT_TEST_INSIDE_NAMESPACES"

func enterNamespaces(t *testing.T) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestMounts$", "-test.v")
	child.Env = append(os.Environ(), inside+"=1")
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	output, err := child.CombinedOutput()
	t.Logf("%s", output)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(output), "--- PASS: TestMounts/mount_point") {
		t.Error("the tests inside did not run")
	}
}

func testFullDisk(t *testing.T) {
	disk := mount(t, "size=1m")
	d := open(t, filepath.Join(disk, "objects"))
	create(t, d, "small", make([]byte, 100<<10))

	err := d.Create(t.Context(), &delivery.Object{Key: "large", Body: delivery.Body{make([]byte, 2<<20)}})
	expectTrouble(t, err, delivery.Held, true)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "free space") {
		t.Errorf("Create on a full disk = %v, want ENOSPC and advice", err)
	}
	expectNoUnfinished(t, d)
	create(t, d, "small 2", make([]byte, 500<<10)) // the space of the failed one is free again
	if got, want := files(t, d.root), []string{"small", "small 2"}; !slices.Equal(got, want) {
		t.Errorf("the tree has %q, want %q", got, want)
	}
}

func testReadOnlyDisk(t *testing.T) {
	disk := mount(t, "size=1m")
	d := open(t, filepath.Join(disk, "objects"))
	create(t, d, "a/1", []byte("x"))
	remount(t, disk, syscall.MS_RDONLY)
	err := d.Create(t.Context(), &delivery.Object{Key: "a/2", Body: delivery.Body{[]byte("y")}})
	expectTrouble(t, err, delivery.Held, true)
	if _, err := d.Stat(t.Context(), "a/1"); err != nil {
		t.Errorf("Stat on a read-only disk: %v", err)
	}
	remount(t, disk, 0)
	create(t, d, "a/2", []byte("y"))
}

func testMountPoint(t *testing.T) {
	disk := mount(t, "size=1m")
	_, err := New(stream.Directory{Path: disk})
	if err == nil || !errors.Is(err, syscall.EXDEV) || !strings.Contains(err.Error(), "choose a directory below it") {
		t.Errorf("New on a mount point = %v, want EXDEV and advice", err)
	}
	if got := files(t, disk); len(got) > 0 {
		t.Errorf("New left %q", got)
	}

	d := open(t, filepath.Join(disk, "objects"))
	below := filepath.Join(d.root, "other")
	if err := os.Mkdir(below, fs.ModePerm); err != nil {
		t.Fatal(err)
	}
	mountAt(t, below, "size=1m")
	err = d.Create(t.Context(), &delivery.Object{Key: "other/1", Body: delivery.Body{[]byte("x")}})
	expectTrouble(t, err, delivery.Held, true)
	if !strings.Contains(err.Error(), "choose a directory within one file system") {
		t.Errorf("Create below a mount point = %v, want advice", err)
	}
}

func mount(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	mountAt(t, dir, options)
	return dir
}

func mountAt(t *testing.T, dir, options string) {
	t.Helper()
	if err := syscall.Mount("hydrant", dir, "tmpfs", 0, options); err != nil {
		t.Fatalf("mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
}

func remount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|flags, ""); err != nil {
		t.Fatalf("remount: %v", err)
	}
}
