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
