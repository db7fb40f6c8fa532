package badgerlog

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// pressure tells whether the node has much to do: whether the log was busy for half of the last moments, or the process
// took half of its processors. The committer measures; high may be asked from many goroutines at once, and is false at
// first.
type pressure struct {
	begin     time.Time     // of the moments that are measured
	processor time.Duration // that the process had taken by then
	busy      time.Duration // since then
	isHigh    atomic.Bool
}

const pressureMoments = 200 * time.Millisecond

func (p *pressure) high() bool { return p.isHigh.Load() }

// note takes in that the log was busy from start to end.
func (p *pressure) note(start, end time.Time, processorTime func() time.Duration) {
	if p.begin.IsZero() {
		p.begin, p.processor = start, processorTime()
	}
	p.busy += end.Sub(start)
	passed := end.Sub(p.begin)
	if passed < pressureMoments {
		return
	}
	processor := processorTime()
	available := passed * time.Duration(runtime.GOMAXPROCS(0))
	p.isHigh.Store(2*p.busy >= passed || 2*(processor-p.processor) >= available)
	p.begin, p.processor, p.busy = end, processor, 0
}

// processorTime is what the process has taken of all processors together.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
