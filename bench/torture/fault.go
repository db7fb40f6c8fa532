package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"time"
)

// A fault is done to a running bed, and undone.
type fault struct {
	name, about string
	needs       need
	// run makes the fault and takes it away again; then the nodes are to get well by themselves. It returns how often the
	// fault met anything.
	run func(ctx context.Context, b *bed, random *rand.Rand) (met int, err error)
}

// need is what a fault cannot be made without.
type need int

const (
	nothing need = iota
	volumes      // each node on a file system of its own
	tracing      // strace, and the right to use it
	clocks       // processes' clocks that can be bent
)

// why says what is needed, and empty if that is nothing.
func (n need) why() string {
	return [...]string{"", "(needs root, loop devices and mkfs.ext4)", "(needs strace and the right to trace)", "(needs Linux on amd64 and the right to trace)"}[n]
}

// missing says why a fault has to be left out of a run, or nothing.
func (n need) missing(b *bed) string {
	switch n {
	case volumes:
		return b.noVolumes
	case tracing:
		if _, err := exec.LookPath("strace"); err != nil {
			return "strace is not installed"
		}
		return noTracing()
	case clocks:
		return noClocks()
	}
	return ""
}

// noTracing says why this process may not look into those that it starts, or nothing.
func noTracing() string {
	if os.Geteuid() != 0 {
		if scope, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope"); err == nil && scope[0] > '1' {
			return "this user may not trace processes (kernel.yama.ptrace_scope)"
		}
	}
	return ""
}

// faults are all there are, in the order of the list.
var faults = []*fault{
	{name: "kill", about: "kill -9 of a node, and its start", run: killOne},
	{name: "crash-loop", about: "a node killed again and again while it starts", run: crashLoop},
	{name: "restart", about: "SIGTERM and start of a node, with little time to deliver", run: restartOne},
	{name: "rolling-restart", about: "SIGTERM and start of each node in turn", run: rollingRestart},
	{name: "reload", about: "a storm of SIGHUP with changed and broken configurations", run: reloadStorm},
	{name: "clock-jumps", about: "a node's clock jumps by hours, forth and back", needs: clocks, run: clockJumps},
	{name: "slow-clients", about: "connections that send their requests byte by byte, or nothing", run: slowClients},
	{name: "store-errors", about: "the store answers 500, 502 and 503 to a third of all requests", run: storeErrors},
	{name: "store-slowdown", about: "the store asks to slow down (503 SlowDown)", run: refusing(503, "SlowDown")},
	{name: "store-reset", about: "connections to the store break within bodies", run: storeReset},
	{name: "store-lost-answer", about: "the store does its work and its answers get lost", run: storeLostAnswer},
	{name: "store-parts", about: "parts of large objects break, and an error stands in the success of their last request", run: uploadInParts},
	{name: "store-slow", about: "the store answers late", run: storeSlow},
	{name: "store-gone", about: "the store cannot be reached", run: storeGone},
	{name: "expired-credentials", about: "the store says that the credentials have expired", run: refusing(403, "ExpiredToken")},
	{name: "wrong-credentials", about: "the store does not know the credentials", run: refusing(403, "InvalidAccessKeyId")},
	{name: "denied", about: "the store denies access", run: refusing(403, "AccessDenied")},
	{name: "bucket-gone", about: "the bucket does not exist for a while", run: refusing(404, "NoSuchBucket")},
	{name: "power", about: "a power cut: what was not synced is gone", needs: volumes, run: powerCut},
	{name: "disk-full", about: "others fill the disk, and free it again", needs: volumes, run: diskFull},
	{name: "sync-error", about: "a sync of the disk fails (EIO)", needs: tracing, run: syncError},
	{name: "slow-disk", about: "each sync takes a while", needs: tracing, run: slowDisk},
	{name: "bit-flips", about: "bits flipped in the files of a killed node (of its own)", run: bitFlips},
	{name: "torn-tail", about: "files of a killed node (of its own) cut at their end", run: tornTail},
}

// pause lets a fault go on for a while, or until the context ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// between is a random time.
func between(random *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(random.Int64N(int64(most-least)+1))
}

// node is one at random.
func (b *bed) node(random *rand.Rand) *node { return b.nodes[random.IntN(len(b.nodes))] }

// errorf names the node in an error.
func (n *node) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %w\n%s", n.name, fmt.Errorf(format, args...), n.output())
}
