package badgerlog

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mapping is where a value log lies in memory, for as long as Badger stores into it: it is mapped with twice the size that its
// generation ever fills, so that Badger never has to move it. The zero value is for a file of which that is not known.
type mapping struct{ start, end uintptr }

// findMapping looks where a file is mapped from its beginning on. Where that cannot be told, syncs take longer, and nothing else.
func findMapping(f *os.File) mapping {
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd())) // as the kernel calls it, whatever links lead there
	if err != nil {
		return mapping{}
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return mapping{}
	}
	for line := range strings.Lines(string(maps)) {
		if m, ok := parseMapping(strings.TrimSuffix(line, "\n"), name); ok {
			return m
		}
	}
	return mapping{}
}

// parseMapping reads a line of /proc/self/maps, where it is about the file's beginning:
// range, permissions, offset, device, inode, and behind spaces the name.
func parseMapping(line, name string) (mapping, bool) {
	fields := strings.SplitN(line, " ", 6)
	if len(fields) < 6 || strings.TrimLeft(fields[5], " ") != name {
		return mapping{}, false
	}
	if offset, err := strconv.ParseUint(fields[2], 16, 64); err != nil || offset != 0 {
		return mapping{}, false
	}
	first, last, _ := strings.Cut(fields[0], "-")
	start, err := strconv.ParseUint(first, 16, 64)
	if err != nil {
		return mapping{}, false
	}
	end, err := strconv.ParseUint(last, 16, 64)
	return mapping{uintptr(start), uintptr(end)}, err == nil
}

// unmap takes the pages that hold the file's bytes from one offset to another out of the mapping. They stay in memory, and
// dirty where they are. Who uses the mapping again finds them. It is for speed alone: where the kernel refuses, it is not done.
func (m mapping) unmap(from, to int64) {
	start := m.start + uintptr(from/pageSize*pageSize)
	end := min(m.start+uintptr(to), m.end)
	if start < end {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, start, end-start, unix.MADV_DONTNEED)
	}
}
