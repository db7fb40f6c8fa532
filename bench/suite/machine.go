package suite

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Machine is where the suite ran.
type Machine struct {
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
	Memory    int64  `json:"memory_bytes"`
	Kernel    string `json:"kernel"`
	Go        string `json:"go"`
	OS        string `json:"os"`
}

// thisMachine says what it can find out.
func thisMachine() Machine {
	m := Machine{Cores: runtime.GOMAXPROCS(0), Go: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH}
	if memory, err := readFields("/proc/meminfo", "MemTotal"); err == nil {
		m.Memory = memory[0] << 10
	}
	m.Kernel = firstWords("/proc/sys/kernel/osrelease", 1)
	text, _ := os.ReadFile("/proc/cpuinfo") // without it there is no name
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			m.Processor = strings.TrimSpace(value)
			break
		}
	}
	return m
}

func firstWords(path string, n int) string {
	text, _ := os.ReadFile(path) // without it there are none
	fields := strings.Fields(string(text))
	return strings.Join(fields[:min(n, len(fields))], " ")
}

// loadAverage is how many processes wanted to run in the last minute, the suite's own counted; 0 where that is not known.
func loadAverage() float64 {
	load, _ := strconv.ParseFloat(firstWords("/proc/loadavg", 1), 64)
	return load
}

// processorTime is what this process has used so far, in user and kernel mode.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0 // only a bad argument can be refused
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// commit is what the binary was built from.
func commit() string {
	revision, modified := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
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

// checkMachine refuses a machine on which processes cannot be looked at.
func checkMachine() error {
	if _, err := readUsage(os.Getpid()); err != nil {
		return fmt.Errorf("the suite needs Linux's /proc to see what processes use: %w", err)
	}
	return nil
}
