package suite

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// usage is what a process has used so far.
type usage struct {
	cpu     time.Duration // user and system
	written int64         // bytes that it made the kernel write to disks
}

func (u usage) since(before usage) usage {
	return usage{u.cpu - before.cpu, u.written - before.written}
}

// readUsage reads /proc.
func readUsage(pid int) (usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, err
	}
	cpu, err := parseStat(stat)
	if err != nil {
		return usage{}, err
	}
	written, err := readFields(fmt.Sprintf("/proc/%d/io", pid), "write_bytes")
	if err != nil {
		return usage{}, err
	}
	return usage{cpu, written[0]}, nil
}

// parseStat reads the processor time of /proc/PID/stat: the 14th and 15th field, in hundredths of a second. The second
// one, the program's name, may hold anything.
func parseStat(stat []byte) (time.Duration, error) {
	const tick = time.Second / 100 // what Linux shows to programs, whatever it counts in
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/PID/stat has %d fields behind the name, not 13 or more", len(fields))
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, errors.Join(err, err2)
}

// readFields reads numbers of a file of lines "name: number".
func readFields(path string, names ...string) ([]int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	values := make([]int64, len(names))
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		for i := range names {
			if fields := strings.Fields(rest); name == names[i] && len(fields) > 0 {
				if values[i], err = strconv.ParseInt(fields[0], 10, 64); err != nil {
					return nil, fmt.Errorf("%s: %w", path, err)
				}
			}
		}
	}
	return values, nil
}

// watch looks at a process while it runs.
type watch struct {
	pid     int
	stop    chan struct{}
	watched sync.WaitGroup

	mu         sync.Mutex
	last       usage // the last that was seen
	anon, file int64 // peaks, in bytes
}

func (w *watch) begin(pid int) {
	w.pid, w.stop = pid, make(chan struct{})
	w.watched.Go(w.run)
}

func (w *watch) run() {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-ticker.C:
			w.look()
		}
	}
}

// look notes what the process uses now. One that has ended leaves all as it is.
func (w *watch) look() {
	memory, err := readFields(fmt.Sprintf("/proc/%d/status", w.pid), "RssAnon", "RssFile")
	used, err2 := readUsage(w.pid)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		const kibibyte = 1 << 10
		w.anon, w.file = max(w.anon, memory[0]*kibibyte), max(w.file, memory[1]*kibibyte)
	}
	if err2 == nil && used.cpu >= w.last.cpu && used.written >= w.last.written {
		w.last = used
	}
}

// end takes the whole processor time of a process that has ended.
func (w *watch) end(state *os.ProcessState) {
	close(w.stop)
	w.watched.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if state != nil {
		w.last.cpu = state.UserTime() + state.SystemTime()
	}
}

// used is what the process has used up to now, or up to its end.
func (w *watch) used() usage {
	select {
	case <-w.stop:
	default:
		w.look()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// memory adds the peaks so far to a side's figures.
func (w *watch) memory(f Figures) {
	w.used()
	w.mu.Lock()
	defer w.mu.Unlock()
	f[peakAnon], f[peakFile] = float64(w.anon)/1e6, float64(w.file)/1e6
}
