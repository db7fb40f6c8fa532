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

// trace has strace change a node's system calls for a while, and at least until it has changed one or the node has ended.
func (b *bed) trace(ctx context.Context, n *node, injection string, d time.Duration) (met int, err error) {
	record := filepath.Join(b.dir, "strace")
	if err := os.Remove(record); err != nil && !errors.Is(err, os.ErrNotExist) { // an earlier fault's
		return 0, err
	}
	tracer := exec.Command("strace", "-f", "-qq", "-o", record, "-p", strconv.Itoa(n.current().Pid()),
		"-e", "trace="+syncs, "-e", "inject="+injection)
	if err := tracer.Start(); err != nil {
		return 0, err
	}
	pause(ctx, d)
	err = n.await(ctx, "strace meets its system calls", func(context.Context) (bool, error) {
		met, err = changed(record)
		return met > 0 || n.ended(), err
	})
	if err := tracer.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return 0, err
	}
	_ = tracer.Wait() // it tells of the interrupt
	if err != nil {
		return 0, err
	}
	return changed(record)
}

// changed is how many system calls strace has changed so far, by its record; none before there is one.
func changed(record string) (int, error) {
	text, err := os.ReadFile(record)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	return strings.Count(string(text), "(INJECTED)") + strings.Count(string(text), "(DELAYED)"), err
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
