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

// worthReturning is more than a file has beside its bytes, such as blocks that tell where its others lie.
const worthReturning = 1 << 20

// releaseZeros gives back the space behind a file's last byte that is not zero, where it is some. What is read from the file
// does not change.
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
	end, err := lastByte(f, writtenEnd(f, info.Size()), info.Size())
	if err != nil || occupied(info)-end < worthReturning {
		return err
	}
	err = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, end, info.Size()-end)
	if err == unix.EOPNOTSUPP || err == unix.ENOSYS {
		return nil
	}
	return os.NewSyscallError("fallocate", err)
}

// dropPages has a file read from the disk, but for what is yet to be written there.
func dropPages(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }

// firstHole drops the pages of a file that were read and not written, as far as they can be, and returns where what is left
// of them ends. The file's first page is taken for written.
func firstHole(f *os.File) int64 {
	_ = unix.Fadvise(int(f.Fd()), pageSize, 0, unix.FADV_DONTNEED) // what stays is found below
	hole, err := unix.Seek(int(f.Fd()), pageSize, unix.SEEK_HOLE)
	if err != nil {
		return pageSize
	}
	return (hole + pageSize - 1) / pageSize * pageSize
}

// nextData is where at the earliest, from an offset on, anything was ever written to a file, to the disk or to a page.
func nextData(f *os.File, at int64) int64 {
	data, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
	switch err {
	case nil:
		return data
	case unix.ENXIO: // a hole up to the file's end
		return math.MaxInt64
	}
	return at
}

// nextHole is where nothing was written any more, from an offset on that was.
func nextHole(f *os.File, at int64) int64 {
	hole, err := unix.Seek(int(f.Fd()), at, unix.SEEK_HOLE)
	if err != nil {
		return math.MaxInt64
	}
	return hole
}

// writtenEnd is where the hole begins that the first size bytes of a file end with.
func writtenEnd(f *os.File, size int64) (end int64) {
	for at := nextData(f, 0); at < size; at = nextData(f, end) {
		end = min(nextHole(f, at), size)
	}
	return end
}

// isHole reports whether nothing was ever written to a file from start to end.
func isHole(f *os.File, start, end int64) bool { return nextData(f, start) >= end }

// freeSpace is what an unprivileged writer may still use below path.
func freeSpace(path string) int64 {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return math.MaxInt64 // unknown: the allocation itself will tell
	}
	return int64(s.Bavail) * s.Bsize
}

// syncMapped makes durable what was stored into a file, be it through a mapping: they are the same pages.
func syncMapped(f *os.File, _ func() error) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); err != unix.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}

func occupied(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512
	}
	return info.Size()
}
