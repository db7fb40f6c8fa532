package torture

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// volumeSize leaves a node's buffer of 256 MiB and its scratch room.
const volumeSize = 640 << 20

// volume is an ext4 in a file, mounted through a loop device.
type volume struct {
	image, dir string
	mounted    bool
}

// newVolume makes one below dir and mounts it. The caller closes it.
func newVolume(dir string) (*volume, error) {
	v := &volume{image: filepath.Join(dir, "volume.ext4"), dir: filepath.Join(dir, "volume")}
	if err := errors.Join(os.WriteFile(v.image, nil, 0o600), os.Truncate(v.image, volumeSize), os.Mkdir(v.dir, 0o755)); err != nil {
		return nil, err
	}
	if err := command("mkfs.ext4", "-q", "-F", v.image); err != nil {
		return nil, err
	}
	return v, v.mount()
}

func (v *volume) mount() error {
	err := command("mount", "-o", "loop", v.image, v.dir)
	v.mounted = err == nil
	return err
}

// unmount detaches the loop device too: mount made it.
func (v *volume) unmount() error {
	v.mounted = false
	return command("umount", v.dir)
}

func (v *volume) close() error {
	if !v.mounted {
		return nil
	}
	return v.unmount()
}

// cutPower drops everything that is not on the device yet, the journal's own tail included, as a power cut does. Whoever has
// files open on it gets errors from then on.
func (v *volume) cutPower() error {
	const (
		shutdown   = 0x8004587d // FS_IOC_SHUTDOWN
		noLogFlush = 2
	)
	d, err := os.Open(v.dir)
	if err != nil {
		return err
	}
	if err := unix.IoctlSetPointerInt(int(d.Fd()), shutdown, noLogFlush); err != nil {
		return errors.Join(fmt.Errorf("shut the file system down: %w", err), d.Close())
	}
	return d.Close()
}

// free is the room that is left, in bytes.
func (v *volume) free() (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(v.dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * s.Bsize, nil
}

func command(name string, arguments ...string) error {
	if out, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(arguments, " "), err, out)
	}
	return nil
}

// tryVolume says why volumes cannot be had, or nothing.
func tryVolume(dir string) string {
	if os.Geteuid() != 0 {
		return "it needs root"
	}
	dir, err := os.MkdirTemp(dir, "volume-")
	if err != nil {
		return err.Error()
	}
	defer os.RemoveAll(dir)
	v, err := newVolume(dir)
	if err == nil {
		err = v.close()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// allocate fills a file with so many bytes that are really there.
func allocate(path string, bytes int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(unix.Fallocate(int(f.Fd()), 0, 0, bytes), f.Close())
}
