package directory

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"hydrant/delivery"
)

// advice is what to do about errors that waiting does not mend. All others are transient.
var advice = map[syscall.Errno]string{
	syscall.EACCES:       "let this process's user write to the directory and its parent",
	syscall.EPERM:        "let this process's user write to the directory and its parent",
	syscall.EDQUOT:       "raise the quota or free space",
	syscall.EFBIG:        "files of this size are forbidden: lower buffering.size or raise the process's limit",
	syscall.EINVAL:       unsuitable,
	syscall.ELOOP:        "symbolic links lead in a circle",
	syscall.EMLINK:       "a directory is full: choose a finer prefix",
	syscall.ENAMETOOLONG: "the path is longer than the system allows: shorten the prefix or the directory's path",
	syscall.ENOENT:       "the directory is gone: is its file system mounted?",
	syscall.ENOSPC:       "the file system is full: free space",
	syscall.ENOSYS:       unsuitable,
	syscall.ENOTDIR:      "a file has the name of a directory that the key needs: remove it or change the prefix",
	syscall.EOPNOTSUPP:   unsuitable,
	syscall.EROFS:        "the file system is read-only: look for disk errors and mount it for writing",
	syscall.EXDEV:        "another file system is mounted inside the directory: choose a directory within one file system",
}

const unsuitable = "the file system cannot do this safely: choose a directory on a local one such as ext4 or xfs"

// advised adds to an error what to do about it; held says that waiting does not mend it.
func advised(err error) (_ error, held bool) {
	var errno syscall.Errno
	if !errors.As(err, &errno) || advice[errno] == "" {
		return err, false
	}
	return fmt.Errorf("%w: %s", err, advice[errno]), true
}

// refused is the trouble of an operation that surely did not happen.
func refused(op, key string, err error) error {
	trouble := unknown(op, key, err)
	trouble.Refused = true
	return trouble
}

// unnamed is the trouble of a file that did not get its name. What the system refuses did not happen; of an input or
// output error, on a network file system, nobody knows.
func unnamed(op, key string, err error) error {
	trouble := unknown(op, key, err)
	trouble.Refused = trouble.Class == delivery.Held
	return trouble
}

// failed is the trouble of an operation that only reads, or nil, or that there is no object.
func failed(op, key string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return delivery.ErrNotExist
	}
	return unknown(op, key, err)
}

// unknown is the trouble of an operation that may have happened.
func unknown(op, key string, err error) *delivery.Error {
	trouble := &delivery.Error{Op: op, Key: key, Err: err}
	var badKey *keyError
	if errors.As(err, &badKey) {
		trouble.Class = delivery.Held
	} else if told, held := advised(err); held {
		trouble.Class, trouble.Err = delivery.Held, told
	}
	return trouble
}
