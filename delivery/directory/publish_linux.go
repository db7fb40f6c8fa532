package directory

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// publish gives the file a second name, or where the file system knows no second names (FAT, some network ones), moves
// it. Either way it fails with fs.ErrExist if the name is taken.
func publish(from, to string) error {
	err := os.Link(from, to)
	if !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	return move(from, to)
}

func move(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if err != nil {
		return &os.LinkError{Op: "renameat2", Old: from, New: to, Err: err}
	}
	return nil
}
