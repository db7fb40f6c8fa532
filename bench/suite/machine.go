package suite

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// processorTime is what this process has used so far, in user and kernel mode.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0 // only a bad argument can be refused
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// checkMachine refuses a machine on which processes cannot be looked at.
func checkMachine() error {
	if _, err := readUsage(os.Getpid()); err != nil {
		return fmt.Errorf("the suite needs Linux's /proc to see what processes use: %w", err)
	}
	return nil
}
