package bench

import (
	"runtime"
	"syscall"
	"time"
)

// Machine is where the generator ran.
type Machine struct {
	Cores int    `json:"cores"` // that the process may use
	Go    string `json:"go"`
	OS    string `json:"os"`
}

func thisMachine() Machine {
	return Machine{Cores: runtime.GOMAXPROCS(0), Go: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH}
}

// processorTime is what this process has used so far, in user and kernel mode.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0 // only a bad pointer or a bad argument can be refused
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
