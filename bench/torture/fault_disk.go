package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// powerCut stops a node in the middle of whatever it does, drops what its disk has not been made to keep, and brings both
// up again.
func powerCut(ctx context.Context, b *bed, random *rand.Rand) (int, error) {
	n := b.node(random)
	if err := n.current().Signal(syscall.SIGSTOP); err != nil { // power fails for the processor too
		return 0, err
	}
	err := n.volume.cutPower()
	n.kill()
	if err == nil {
		err = n.volume.unmount()
	}
	if err == nil {
		err = n.volume.mount()
	}
	if err != nil {
		return 0, err
	}
	return 1, n.launch(ctx)
}

// diskFull has somebody else fill the disk while the node is loaded. The node may refuse records meanwhile.
func diskFull(ctx context.Context, b *bed, random *rand.Rand) (int, error) {
	n := b.node(random)
	free, err := n.volume.free()
	if err != nil {
		return 0, err
	}
	filler := filepath.Join(n.volume.dir, "filler")
	if err := allocate(filler, free-int64(random.IntN(4<<20))); err != nil {
		return 0, errors.Join(err, os.Remove(filler))
	}
	pause(ctx, between(random, time.Second, 4*time.Second))
	if n.ended() {
		err = n.errorf("it ended on a full disk")
	}
	return 1, errors.Join(err, os.Remove(filler))
}

// syncs are the system calls that make bytes durable.
const syncs = "msync,fsync,fdatasync"

// trace has strace change a node's system calls for a while.
func (b *bed) trace(ctx context.Context, n *node, injection string, d time.Duration) (met int, err error) {
	record := filepath.Join(b.dir, "strace")
	tracer := exec.Command("strace", "-f", "-qq", "-o", record, "-p", strconv.Itoa(n.current().Pid()),
		"-e", "trace="+syncs, "-e", "inject="+injection)
	if err := tracer.Start(); err != nil {
		return 0, err
	}
	pause(ctx, d)
	if err := tracer.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return 0, err
	}
	_ = tracer.Wait() // it tells of the interrupt
	text, err := os.ReadFile(record)
	if err != nil {
		return 0, fmt.Errorf("strace has left no record: %w", err)
	}
	return strings.Count(string(text), "(INJECTED)") + strings.Count(string(text), "(DELAYED)"), nil
}

// syncError lets one sync fail, which a node may survive, or all for a while, which must end it: what it acknowledged before
// is there, and nothing is acknowledged after.
func syncError(ctx context.Context, b *bed, random *rand.Rand) (int, error) {
	when := "1"
	if random.IntN(2) == 0 {
		when = "1+"
	}
	return b.trace(ctx, b.node(random), syncs+":error=EIO:when="+when, time.Second)
}

func slowDisk(ctx context.Context, b *bed, random *rand.Rand) (int, error) {
	delay := between(random, 50*time.Millisecond, 500*time.Millisecond)
	injection := fmt.Sprintf("%s:delay_enter=%d", syncs, delay.Microseconds())
	return b.trace(ctx, b.node(random), injection, between(random, 2*time.Second, 4*time.Second))
}
