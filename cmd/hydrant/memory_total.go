package main

import (
	"bufio"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// unknownMemory is assumed where nothing says how much there is.
const unknownMemory = 2 << 30

// totalMemory is what the process may use at most, in bytes: the machine's memory, or less where a control group of
// version 1 or 2 that it is in says so. Root is the root of all files.
func totalMemory(root fs.FS) int64 {
	total := int64(math.MaxInt64)
	for _, file := range append(groupFiles(root), "sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes") {
		if text, err := fs.ReadFile(root, file); err == nil {
			total = min(total, positive(strings.TrimSpace(string(text))))
		}
	}
	if total = min(total, machineMemory(root)); total == math.MaxInt64 {
		return unknownMemory
	}
	return total
}

// groupFiles names the limits of the process's control groups and of all that they are in.
func groupFiles(root fs.FS) []string {
	text, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	var files []string
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // number, controllers, path
		if len(parts) != 3 {
			continue
		}
		base, name := "sys/fs/cgroup", "memory.max"
		if parts[1] == "memory" {
			base, name = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if parts[1] != "" {
			continue
		}
		for group := path.Clean("/" + parts[2]); group != "/"; group = path.Dir(group) {
			files = append(files, path.Join(base, group, name))
		}
	}
	return files
}

// positive is a limit's number; "max" and everything else that is none is no limit.
func positive(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return math.MaxInt64
	}
	return n
}

func machineMemory(root fs.FS) int64 {
	file, err := root.Open("proc/meminfo")
	if err != nil {
		return math.MaxInt64
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 3 && fields[0] == "MemTotal:" {
			if n := positive(fields[1]); n < math.MaxInt64>>10 {
				return n << 10
			}
		}
	}
	return math.MaxInt64
}
