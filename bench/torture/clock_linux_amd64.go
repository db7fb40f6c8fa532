package torture

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// clock is the wall clock of one process, bent from outside: the program itself knows nothing of it, and no other process
// sees it. A program reads the time in code that the kernel maps into each process, the vDSO. Here the process's own copy of
// that code is changed, as a debugger sets a breakpoint: its function for reading clocks jumps into another of its functions,
// which nobody in a Go program calls, and which now asks the kernel and adds an offset to the wall clock's seconds. The
// monotonic clock is left alone, as it is by whoever sets a machine's clock.
type clock struct {
	memory *os.File // the process's
	offset int64    // where the offset is in it
}

// bent is the code that takes the place of gettimeofday: clock_gettime, asked of the kernel, with an offset. The clock's id
// is in EDI, and 0 is the wall clock; the result goes where RSI points, seconds first.
var bent = []byte{
	0xb8, 0xe4, 0, 0, 0, // mov $228, %eax (clock_gettime)
	0x0f, 0x05, // syscall
	0x85, 0xff, // test %edi, %edi
	0x75, 0x0a, // jne to ret
	0x48, 0x8b, 0x0d, 0x04, 0, 0, 0, // mov offset(%rip), %rcx
	0x48, 0x01, 0x0e, // add %rcx, (%rsi)
	0xc3,                   // ret
	0, 0, 0, 0, 0, 0, 0, 0, // offset, in seconds
}

const offsetSize = 8

// bendClock prepares a process's clock for jumps. It is stopped for a moment.
func bendClock(pid int) (c *clock, err error) {
	v, err := findVDSO(pid)
	if err != nil {
		return nil, fmt.Errorf("find the code that reads clocks: %w", err)
	}
	memory, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, memory.Close())
		}
	}()
	err = whileStopped(pid, v, func() error {
		jump := binary.LittleEndian.AppendUint32([]byte{0xe9}, uint32(v.spare-v.clock)-jumpSize)
		if _, err := memory.WriteAt(bent, int64(v.base+v.spare)); err != nil {
			return err
		}
		_, err := memory.WriteAt(jump, int64(v.base+v.clock))
		return err
	})
	return &clock{memory, int64(v.base+v.spare) + int64(len(bent)) - offsetSize}, err
}

// jumpSize is that of a jump by 32 bits.
const jumpSize = 5

// jump sets the clock so far before or behind the true time. The eight bytes lie within a cache line or two; a reader that
// met half of them would see a jump of another size, for once.
func (c *clock) jump(offset time.Duration) error {
	_, err := c.memory.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(int64(offset/time.Second))), c.offset)
	return err
}

func (c *clock) close() error { return c.memory.Close() }

// vdso is where a process finds the code, and in it two functions.
type vdso struct{ base, size, clock, spare uint64 }

func findVDSO(pid int) (v vdso, err error) {
	v.base, v.size, err = mapping(pid, "[vdso]")
	if err != nil {
		return v, err
	}
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return v, err
	}
	defer memory.Close()
	image := make([]byte, v.size)
	if _, err := memory.ReadAt(image, int64(v.base)); err != nil {
		return v, err
	}
	program, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return v, err
	}
	symbols, err := program.DynamicSymbols()
	for _, s := range symbols {
		switch {
		case s.Name == "__vdso_clock_gettime" && s.Size >= jumpSize:
			v.clock = s.Value
		case s.Name == "__vdso_gettimeofday" && s.Size >= uint64(len(bent)):
			v.spare = s.Value
		}
	}
	if err == nil && (v.clock == 0 || v.spare == 0) {
		err = errors.New("this kernel's is not known")
	}
	return v, err
}

// mapping finds a part of a process's memory by its name.
func mapping(pid int, name string) (base, size uint64, err error) {
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, 0, err
	}
	defer maps.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		if line := lines.Text(); strings.HasSuffix(line, name) {
			var end uint64
			_, err := fmt.Sscanf(line, "%x-%x", &base, &end)
			return base, end - base, err
		}
	}
	return 0, 0, errors.Join(fmt.Errorf("process %d has no %s", pid, name), lines.Err())
}

// whileStopped does something while no thread of the process runs or is within the code that reads clocks.
func whileStopped(pid int, v vdso, do func() error) error {
	const attempts = 1000
	for range attempts {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			return err
		}
		outside, err := outsideWhenStopped(pid, v)
		if err == nil && outside {
			err = do()
		}
		if err := errors.Join(err, syscall.Kill(pid, syscall.SIGCONT)); err != nil || outside {
			return err
		}
		time.Sleep(time.Millisecond) // for threads to go on
	}
	return fmt.Errorf("process %d reads clocks all the time", pid)
}

// outsideWhenStopped waits until all threads have stopped, and reports whether all are outside that code.
func outsideWhenStopped(pid int, v vdso) (bool, error) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		counters, running, err := programCounters(pid)
		if err != nil {
			return false, err
		}
		if !running {
			return !slices.ContainsFunc(counters, func(at uint64) bool { return at >= v.base && at < v.base+v.size }), nil
		}
		time.Sleep(100 * time.Microsecond) // for threads to stop
	}
	return false, fmt.Errorf("process %d does not stop", pid)
}

// programCounters says where a process's threads are, or that some are running.
func programCounters(pid int) (counters []uint64, running bool, err error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
	if err != nil || len(threads) == 0 {
		return nil, false, errors.Join(err, fmt.Errorf("process %d has no threads", pid))
	}
	for _, path := range threads {
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // the thread has ended
		}
		if err != nil {
			return nil, false, err
		}
		fields := strings.Fields(string(text)) // "running", or numbers of which the program counter is the last
		if len(fields) < 3 {
			return nil, true, nil
		}
		at, err := strconv.ParseUint(fields[len(fields)-1], 0, 64)
		if err != nil {
			return nil, false, fmt.Errorf("%s: %w", path, err)
		}
		counters = append(counters, at)
	}
	return counters, false, nil
}

// noClocks says why processes' clocks cannot be bent, or nothing.
var noClocks = sync.OnceValue(func() string {
	if why := noTracing(); why != "" {
		return why
	}
	if err := tryClock(); err != nil {
		return err.Error()
	}
	return ""
})

// tryClock writes into this process's own code what is there: not every kernel has that code, or lets it be written.
func tryClock() error {
	v, err := findVDSO(os.Getpid())
	if err != nil {
		return fmt.Errorf("find the code that reads clocks: %w", err)
	}
	memory, err := os.OpenFile("/proc/self/mem", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer memory.Close()
	var octet [1]byte
	if _, err := memory.ReadAt(octet[:], int64(v.base+v.spare)); err != nil {
		return err
	}
	_, err = memory.WriteAt(octet[:], int64(v.base+v.spare))
	return err
}
