package badgerlog

import (
	"io/fs"
	"math"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// preallocate makes sure that the first size bytes of a file have space on the disk, so that a store into its mapping
// cannot fail for want of it.
func preallocate(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	err = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
	if err == unix.EOPNOTSUPP || err == unix.ENOSYS {
		return nil // a file system without it: the free-space guard alone protects
	}
	return os.NewSyscallError("fallocate", err)
}

// releaseZeros gives back the space behind a file's last byte that is not zero. What is read from it does not change.
func releaseZeros(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	end, err := lastByte(f, info.Size())
	if err != nil || end >= info.Size() {
		return err
	}
	err = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, end, info.Size()-end)
	if err == unix.EOPNOTSUPP || err == unix.ENOSYS {
		return nil
	}
	return os.NewSyscallError("fallocate", err)
}

// freeSpace is what an unprivileged writer may still use below path.
func freeSpace(path string) int64 {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return math.MaxInt64 // unknown: the allocation itself will tell
	}
	return int64(s.Bavail) * s.Bsize
}

func occupied(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512
	}
	return info.Size()
}
