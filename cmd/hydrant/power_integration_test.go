//go:build integration

package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Power cuts: the data directory lies on an ext4 of its own, in a file behind a loop device, and the shutdown ioctl drops
// what that file system has not flushed, as a power cut does. A kill alone shows nothing of it: the page cache outlives
// the process.

// nosyncBinary acknowledges what is not synced. It proves that the test would see a missing sync.
var nosyncBinary = sync.OnceValues(func() (string, error) { return build("-tags", "nosync") })

// volume is a file system in a file.
type volume struct {
	t     *testing.T
	image string
	dir   string // where it is mounted
	up    bool
}

func newVolume(t *testing.T, size int64) *volume {
	t.Helper()
	dir := t.TempDir()
	v := &volume{t: t, image: filepath.Join(dir, "image"), dir: filepath.Join(dir, "mounted")}
	if err := os.WriteFile(v.image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(v.image, size); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(v.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	v.command("mkfs.ext4", "-q", "-F", v.image)
	v.mount()
	t.Cleanup(func() {
		if v.up {
			v.unmount()
		}
	})
	return v
}

func (v *volume) mount() {
	v.t.Helper()
	v.command("mount", "-o", "loop", v.image, v.dir)
	v.up = true
}

// unmount detaches the loop device too: mount made it.
func (v *volume) unmount() {
	v.t.Helper()
	v.command("umount", v.dir)
	v.up = false
}

// cutPower drops everything that is not on the device yet, the journal's own tail included.
func (v *volume) cutPower() {
	v.t.Helper()
	d, err := os.Open(v.dir)
	if err != nil {
		v.t.Fatal(err)
	}
	defer d.Close()
	const (
		shutdown   = 0x8004587d // FS_IOC_SHUTDOWN
		noLogFlush = 2
	)
	if err := unix.IoctlSetPointerInt(int(d.Fd()), shutdown, noLogFlush); err != nil {
		v.t.Fatalf("shut the file system down: %v", err)
	}
}

func (v *volume) command(name string, arguments ...string) {
	v.t.Helper()
	if out, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		v.t.Fatalf("%s %s: %v: %s (this test needs root and loop devices)", name, strings.Join(arguments, " "), err, out)
	}
}

// cuts is how many: HYDRANT_TEST_POWER_CUTS, or 10.
func cuts(t *testing.T) int {
	text := os.Getenv("HYDRANT_TEST_POWER_CUTS")
	if text == "" {
		return 10
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("HYDRANT_TEST_POWER_CUTS: %v", err)
	}
	return n
}

// The power fails at random moments under load: nothing acknowledged is lost, doubled or misplaced.
func TestPowerCuts(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	d := directoryDestination(t)
	ledger := cutUnderLoad(t, path, d, cuts(t), time.Second)
	t.Logf("after %d power cuts: %v", cuts(t), d.verifyAll(t, ledger))
}

// The control: without syncs the same cuts lose what was acknowledged, and the verifier says so.
func TestPowerCutWithoutSyncsLoses(t *testing.T) {
	path, err := nosyncBinary()
	if err != nil {
		t.Fatal(err)
	}
	d := directoryDestination(t)
	if err := os.MkdirAll(d.objects, 0o755); err != nil { // it may lose the stream and all
		t.Fatal(err)
	}
	ledger := cutUnderLoad(t, path, d, 1, time.Minute)
	out, err := runHydrant(t.Context(), t, nil, append([]string{"bench", "verify", "--ledger", ledger, "--json"}, d.verify...)...)
	if err == nil || !strings.Contains(out, `"lost":`) {
		t.Fatalf("nothing was lost without syncs, so the test with them proves nothing: %v: %s", err, out)
	}
}

// cutUnderLoad cuts the power so many times and then delivers what is left. It returns the ledger.
func cutUnderLoad(t *testing.T, path string, d destinationUnderTest, cuts int, interval time.Duration) string {
	t.Helper()
	v := newVolume(t, 512<<20)
	dir := t.TempDir()
	ledger := filepath.Join(dir, "ledger")
	for cut := range cuts {
		p := startProgram(t, path, dir, powerConfig(v, d, interval))
		loadUntilCut(t, v, p, ledger, cut)
	}
	p := startProgram(t, path, dir, powerConfig(v, d, time.Second))
	p.delivered()
	p.stop()
	return ledger
}

func powerConfig(v *volume, d destinationUnderTest, interval time.Duration) string {
	return fmt.Sprintf(`
data_dir: %s
buffer: {max_disk: 256MiB}
streams:
  power:
    buffering: {size: 1MiB, interval: %s}
    prefix: "key=!{partitionKeyFromQuery:key}/"
    partition_keys: {key: .key}
    destination:
      %s
`, filepath.Join(v.dir, "data"), interval, d.yaml)
}

// A node that is killed before the sync of a group leaves the group in the page cache, where the next life finds it. That
// life answers for it, as here for the repetition of the request, so that it has to sync what it found.
func TestPowerCutAfterAKill(t *testing.T) {
	sloppy, err := nosyncBinary() // any of its moments is one before a sync
	if err != nil {
		t.Fatal(err)
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	d := directoryDestination(t)
	v := newVolume(t, 512<<20)
	dir := t.TempDir()
	const record = `{"key":"a","n":1}`
	p := startProgram(t, sloppy, dir, powerConfig(v, d, time.Hour))
	p.postWithKey(t, "k", record)
	p.kill()
	p = startProgram(t, path, dir, powerConfig(v, d, time.Hour))
	if answer := p.postWithKey(t, "k", record); !strings.Contains(answer, `"duplicate":true`) {
		t.Fatalf("the repetition was answered with %s", answer)
	}
	p.cut(v)
	p = startProgram(t, path, dir, powerConfig(v, d, time.Second))
	p.delivered()
	p.stop()
	wantOnce(t, d.objects, []string{record})
}

func (p *process) postWithKey(t *testing.T, key, line string) string {
	t.Helper()
	status, answer, err := postOnce(t.Context(), p.url, "power", key, line)
	if err != nil || status != http.StatusOK {
		t.Fatalf("%d %s %v", status, answer, err)
	}
	return answer
}

// loadUntilCut loads the node until the power fails in the middle, and brings the disk up again.
func loadUntilCut(t *testing.T, v *volume, p *process, ledger string, cut int) {
	t.Helper()
	load := startLoad(p, "power", ledger, "--connections", "8", "--batch", fmt.Sprint(1+cut%2*49), "--keys", "5", "--timeout", "1s")
	load.goOn(500*time.Millisecond + rand.N(1500*time.Millisecond)) // until the moment of the cut
	p.cut(v)
	load.stop()
}

// cut ends the node by a power cut and brings its disk up again.
func (p *process) cut(v *volume) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil { // power fails for the processor too
		p.t.Fatal(err)
	}
	v.cutPower()
	p.kill()
	v.unmount()
	v.mount()
}
