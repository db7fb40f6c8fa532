// Package machine says where measurements and trials ran, and what was tried, as their reports keep it.
package machine

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// Machine is where a process runs. What could not be found out is empty.
type Machine struct {
	Processor string `json:"processor"`
	Cores     int    `json:"cores"` // that the process may use
	Memory    int64  `json:"memory_bytes"`
	Kernel    string `json:"kernel"`
	Go        string `json:"go"`
	OS        string `json:"os"`
}

// This is the machine of this process.
func This() Machine {
	memory, _, _ := strings.Cut(field("/proc/meminfo", "MemTotal"), " ")
	kilobytes, _ := strconv.ParseInt(memory, 10, 64) // without it there is no size
	return Machine{
		Processor: field("/proc/cpuinfo", "model name"),
		Cores:     runtime.GOMAXPROCS(0),
		Memory:    kilobytes << 10,
		Kernel:    firstWord("/proc/sys/kernel/osrelease"),
		Go:        runtime.Version(),
		OS:        runtime.GOOS + "/" + runtime.GOARCH,
	}
}

// String is the machine in a line.
func (m Machine) String() string {
	return fmt.Sprintf("%d x %s, %.1f GiB, Linux %s, %s", m.Cores, m.Processor, float64(m.Memory)/(1<<30), m.Kernel, m.Go)
}

// Load is how many processes wanted to run in the last minute, this one counted; 0 where that is not known.
func Load() float64 {
	load, _ := strconv.ParseFloat(firstWord("/proc/loadavg"), 64)
	return load
}

// Commit is what this binary was built from.
func Commit() string {
	info, _ := debug.ReadBuildInfo()
	return commit(info)
}

// CommitOf is what another binary, a file, was built from.
func CommitOf(program string) string {
	info, _ := buildinfo.ReadFile(program) // what cannot be read is unknown
	return commit(info)
}

func commit(info *debug.BuildInfo) string {
	revision, modified := "unknown", ""
	if info != nil {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				modified = "-dirty"
			}
		}
	}
	return revision + modified
}

// field is the value of a file's first line "name: value".
func field(path, name string) string {
	text, _ := os.ReadFile(path) // without it there is none
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func firstWord(path string) string {
	text, _ := os.ReadFile(path) // without it there is none
	word, _, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	return word
}
