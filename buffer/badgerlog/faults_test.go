package badgerlog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"hydrant/buffer"
)

// rig is a log of one stream and what tests do to it.
type rig struct {
	*Log
	t      *testing.T
	id     buffer.StreamID
	cancel context.CancelFunc
	lane   buffer.Lane
	served chan error
}

func openRig(t *testing.T, cfg Config) *rig {
	t.Helper()
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Log: l, t: t}
	if streams := l.Streams(); len(streams) > 0 {
		r.id = streams[0].ID
	} else {
		r.id = buffer.NewStreamID()
		if _, err := l.Define(t.Context(), buffer.Definition{Stream: r.id, Name: "s", Logic: 1, Data: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	r.serve()
	return r
}

// serve takes hold of the lane.
func (r *rig) serve() {
	ctx, cancel := context.WithCancel(context.Background())
	lanes := make(chan buffer.Lane)
	r.cancel, r.served = cancel, make(chan error, 1)
	go func() {
		r.served <- r.Serve(ctx, func(ctx context.Context, lane buffer.Lane) error {
			lanes <- lane
			<-ctx.Done()
			return nil
		})
	}()
	r.lane = <-lanes
	r.t.Cleanup(r.stop)
}

func (r *rig) stop() {
	r.cancel()
	if err := r.Close(); err != nil {
		r.t.Error(err)
	}
}

// add appends one record and returns its sequence.
func (r *rig) add(data []byte) (buffer.Seq, error) {
	receipt, err := r.Append(r.t.Context(), buffer.Batch{Stream: r.id, Records: [][]byte{data}})
	return receipt.First, err
}

func (r *rig) mustAdd(data string) buffer.Seq {
	r.t.Helper()
	seq, err := r.add([]byte(data))
	if err != nil {
		r.t.Fatal(err)
	}
	return seq
}

// records reads what lies above the cursor.
func (r *rig) records() []string {
	r.t.Helper()
	var out []string
	var b buffer.Block
	info := r.lane.Info()
	for after := info.Cursor; after < info.Head; after = b.Last() {
		if err := r.lane.Read(r.t.Context(), after, &b); err != nil {
			r.t.Fatal(err)
		}
		for record := range b.Records() {
			if record.Seq > after {
				out = append(out, string(record.Data))
			}
		}
	}
	return out
}

func (r *rig) settle(seq buffer.Seq) {
	r.t.Helper()
	if err := r.lane.Commit(r.t.Context(), buffer.Change{Cursor: seq}); err != nil {
		r.t.Fatal(err)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Minute)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within five minutes", what)
		}
		time.Sleep(5 * time.Millisecond) // between two looks at the condition
	}
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

var errDisk = errors.New("the disk has failed")

// A failed sync poisons its generation: the group is not acknowledged from there, but goes to a new one.
func TestFailedSyncGoesToANewGeneration(t *testing.T) {
	dir := t.TempDir()
	faults := 0
	var failed *badger.DB
	r := openRig(t, Config{Dir: dir, sync: func(g *generation) error {
		if g.db == failed {
			t.Error("a generation was synced again after its sync failed")
		}
		if faults == 1 {
			faults, failed = 0, g.db
			return errDisk
		}
		return g.sync()
	}})
	r.mustAdd("before")
	faults = 1
	r.mustAdd("during")
	r.mustAdd("after")
	if r.gens[0].state != poisoned {
		t.Error("the generation whose sync failed was closed as if it were good")
	}
	equal(t, "after the fault", r.records(), []string{"before", "during", "after"})

	crashed := openRig(t, Config{Dir: copyDir(t, dir)})
	equal(t, "after the fault and a crash", crashed.records(), []string{"before", "during", "after"})
	if n := crashed.Stats().Damaged; n != 0 {
		t.Errorf("%d ranges are called damaged", n)
	}
}

// A second failure within a minute ends the log: nobody is answered well, and what was acknowledged is there afterwards.
func TestSecondFailureWithinAMinuteIsTheEnd(t *testing.T) {
	dir := t.TempDir()
	broken := false
	l, err := Open(Config{Dir: dir, sync: func(g *generation) error {
		if broken {
			return errDisk
		}
		return g.sync()
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	id := buffer.NewStreamID()
	if _, err := l.Define(t.Context(), buffer.Definition{Stream: id, Name: "s", Logic: 1}); err != nil {
		t.Fatal(err)
	}
	batch := buffer.Batch{Stream: id, Records: [][]byte{[]byte("acked")}}
	if _, err := l.Append(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	broken = true
	for range 3 {
		if _, err := l.Append(t.Context(), batch); !errors.Is(err, errDisk) {
			t.Fatalf("an append on a broken disk returned %v", err)
		}
	}
	<-l.Failed()
	_ = l.Close() // it tells of the broken disk
	marks, err := filepath.Glob(filepath.Join(dir, "*", sealedName))
	if err != nil || len(marks) > 0 {
		t.Errorf("generations whose syncs failed were closed as if they were good: %v %v", marks, err)
	}
	r := openRig(t, Config{Dir: copyDir(t, dir)})
	if got := r.records(); len(got) < 1 || got[0] != "acked" {
		t.Errorf("after the restart: %v", got)
	}
}

// A group whose sync failed and for which no other generation can be made is found by the next start: it is not refused as on a
// full disk, which would say that it is surely not stored.
func TestFailedSyncOnAFullDiskIsNoRefusal(t *testing.T) {
	dir := t.TempDir()
	var l *Log
	var failing, full atomic.Bool
	l, err := Open(Config{
		Dir: dir,
		sync: func(g *generation) error {
			if !failing.Load() {
				return g.sync()
			}
			full.Store(true)
			l.mu.Lock()
			for l.supply.making {
				l.supply.made.Wait()
			}
			l.mu.Unlock()
			return errors.Join(errDisk, l.dropReady()) // none was made ahead
		},
		free: func(string) int64 {
			if full.Load() {
				return 0
			}
			return 1 << 40
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := buffer.NewStreamID()
	if _, err := l.Define(t.Context(), buffer.Definition{Stream: id, Name: "s", Logic: 1}); err != nil {
		t.Fatal(err)
	}
	failing.Store(true)
	record := make([]byte, lastCapacity) // too large for a generation in the reserve's place
	_, _ = rand.Read(record)             // never fails
	_, err = l.Append(t.Context(), buffer.Batch{Stream: id, Records: [][]byte{record}})
	if no := (*buffer.FullError)(nil); errors.As(err, &no) || !errors.Is(err, errDisk) {
		t.Errorf("the append returned %v", err)
	}
	_ = l.Close() // it tells of the broken disk
	r := openRig(t, Config{Dir: copyDir(t, dir)})
	if got := len(r.records()); got != 1 {
		t.Errorf("the next start finds %d records", got)
	}
}

// A kill between the creation of Badger's files and their growth leaves them empty, and Badger never opens them again.
func TestRecoversFromEmptyFiles(t *testing.T) {
	for _, name := range []string{vlogName, walName, "MANIFEST", "KEYREGISTRY", "DISCARD"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r := openRig(t, Config{Dir: dir})
			r.mustAdd("kept")
			r.stop()
			half := filepath.Join(dir, fmt.Sprintf("%s%016d", generationPrefix, 99))
			if err := os.Mkdir(half, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(half, name), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			r = openRig(t, Config{Dir: dir})
			r.mustAdd("new")
			equal(t, "records", r.records(), []string{"kept", "new"})
		})
	}
}

// Recovery must not depend on Badger's write-ahead log: the value log says everything.
func TestRecoversWithoutBadgersOwnLog(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, Config{Dir: dir})
	r.mustAdd("one")
	r.mustAdd("two")
	crashed := copyDir(t, dir)
	logs, err := filepath.Glob(filepath.Join(crashed, generationPrefix+"*", walName))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no write-ahead logs found: %v", err)
	}
	for _, path := range logs {
		if err := os.Truncate(path, 10); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "records", openRig(t, Config{Dir: crashed}).records(), []string{"one", "two"})
}

// A torn tail at every byte of the last group: the groups before it are whole, and it is there whole or not at all.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, Config{Dir: dir})
	r.mustAdd("first")
	before := lastValueEnd(t, dir)
	last := r.mustAdd("second")
	end := lastValueEnd(t, dir)
	crashed := copyDir(t, dir)
	path := vlogOf(t, crashed)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := end; cut >= before; cut -= max(1, (end-before)/24) {
		clear(whole[cut:])
		if err := os.WriteFile(path, whole, 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := load(crashed, untold)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.lost) > 0 {
			t.Errorf("cut at %d: %v", cut, m.lost)
		}
		blocks := m.blocks[buffer.LaneID{Stream: r.id}]
		if blocks[last-1] == nil || (cut < end && blocks[last] != nil) || (cut == end && blocks[last] == nil) {
			t.Errorf("cut at %d of %d: blocks %v", cut, end, blocks)
		}
		if err := m.release(); err != nil {
			t.Error(err)
		}
	}
}

// One flipped bit anywhere in what was synced is noticed, and costs only the group it lies in.
func TestFlippedBitIsNamed(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, Config{Dir: dir})
	const records = 20
	for i := range records {
		r.mustAdd(fmt.Sprintf("record %d", i))
	}
	crashed := copyDir(t, dir)
	path := vlogOf(t, crashed)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found, _ := scan(bytesReader(whole), int64(len(whole)))
	for key, where := range found.values {
		if key[0] != 'b' || key == blockKey(buffer.LaneID{Stream: r.id}, records, 1) {
			continue // at the very end a damaged group looks like one that was never acknowledged
		}
		flipped := append([]byte(nil), whole...)
		flipped[where.offset+int64(where.length)/2] ^= 0x10
		if err := os.WriteFile(path, flipped, 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := load(crashed, untold)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(m.blocks[buffer.LaneID{Stream: r.id}]); len(m.lost[buffer.LaneID{Stream: r.id}]) != 1 || got != records-1 {
			t.Errorf("a bit flipped at %d: %d blocks are left, damage %v", where.offset, got, m.lost)
		}
		if err := m.release(); err != nil {
			t.Error(err)
		}
	}
}

// Generations are dropped as they are settled, however many went through, and an idle log gives almost everything back.
func TestDiskFollowsTheBacklog(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, Config{Dir: dir, MaxDisk: 512 << 20})
	block := make([]byte, 1<<20)
	const total, behind = 200, 16
	for i := range total {
		_, _ = rand.Read(block)
		seq, err := r.add(block)
		if err != nil {
			t.Fatalf("append %d: %v", i, err)
		}
		if seq > behind {
			r.settle(seq - behind)
		}
	}
	if disk := r.Stats().Disk; disk > 200<<20+r.reserve.size {
		t.Errorf("%d MiB on disk for %d MiB undelivered", disk>>20, behind)
	}
	r.settle(r.lane.Info().Head)
	eventually(t, "the disk is given back", func() bool { return r.Stats().Disk <= 3*minCapacity+8<<20+r.reserve.size })
	eventually(t, "its files are gone too", func() bool { return diskUsage(dir) <= 40<<20+r.reserve.size })
	r.mustAdd("still works")
	equal(t, "records", r.records(), []string{"still works"})
}

// At max_disk appends are refused, nothing acknowledged is harmed, state can still be written, and delivery makes room.
func TestFullAndBack(t *testing.T) {
	r := openRig(t, Config{Dir: t.TempDir(), MaxDisk: MinDisk})
	block := make([]byte, 1<<20)
	var last buffer.Seq
	var full *buffer.FullError
	for full == nil {
		_, _ = rand.Read(block)
		seq, err := r.add(block)
		if err != nil {
			if !errors.As(err, &full) {
				t.Fatal(err)
			}
			break
		}
		last = seq
	}
	if r.Stats().Full == "" {
		t.Error("the stats do not say that the buffer is full")
	}
	if got := len(r.records()); got != int(last) {
		t.Errorf("%d records are there, %d were acknowledged", got, last)
	}
	r.settle(last)
	eventually(t, "records are taken again", func() bool { _, err := r.add(block); return err == nil })
	if disk := r.Stats().Disk; disk > MinDisk {
		t.Errorf("%d bytes on disk, max_disk is %d", disk, MinDisk)
	}
}

// State that lies in a generation to be dropped is written anew before that.
func TestStateOutlivesItsGeneration(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, Config{Dir: dir})
	if err := r.lane.Commit(t.Context(), buffer.Change{Put: []buffer.Entry{{Key: "old", Value: []byte("but needed")}}}); err != nil {
		t.Fatal(err)
	}
	first := r.gens[0].dir
	block := make([]byte, 1<<20)
	for range 20 {
		_, _ = rand.Read(block)
		seq, err := r.add(block)
		if err != nil {
			t.Fatal(err)
		}
		r.settle(seq)
	}
	eventually(t, "the first generation is dropped", func() bool { _, err := os.Stat(first); return os.IsNotExist(err) })
	crashed := openRig(t, Config{Dir: copyDir(t, dir)})
	got := map[string]string{}
	for key, value := range crashed.lane.State() {
		got[key] = string(value)
	}
	if got["old"] != "but needed" {
		t.Errorf("state after its generation was dropped: %v", got)
	}
	if crashed.Stats().Streams[crashed.id].Accepted != 20 {
		t.Errorf("the books were lost: %+v", crashed.Stats().Streams[crashed.id])
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	openRig(t, Config{Dir: dir})
	if _, err := Open(Config{Dir: dir}); err == nil {
		t.Fatal("the same directory was opened twice")
	}
	if _, err := Inspect(dir); err == nil {
		t.Fatal("a running log was inspected")
	}
}

// Where no generation can be made for the moment, as where there are too many open files, nothing is stored and everybody is
// told so. Producers and delivery try again, and it works again by itself.
func TestGenerationThatCannotBeMade(t *testing.T) {
	t.Parallel()
	r := openRig(t, Config{Dir: t.TempDir()})
	r.mustAdd("kept")
	r.awaitReadyGeneration()
	var blocks []string
	for id := r.supply.lastID + 1; id < r.supply.lastID+100; id++ {
		blocks = append(blocks, generationDir(r.cfg.Dir, id))
		if err := os.WriteFile(blocks[len(blocks)-1], nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	leave := func() error {
		return r.submit(t.Context(), func(g *group) error { g.carry, g.leave = r.gens[0], true; return nil })
	}
	if err := leave(); err != nil { // into the one that was made ahead
		t.Fatal(err)
	}
	var full *buffer.FullError
	if err := leave(); !errors.As(err, &full) {
		t.Errorf("without a generation to go to, a change is answered with %v", err)
	}
	for _, path := range blocks {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "it works again", func() bool { return leave() == nil })
	r.mustAdd("new")
	equal(t, "records", r.records(), []string{"kept", "new"})
}

func (r *rig) awaitReadyGeneration() {
	r.t.Helper()
	eventually(r.t, "the next generation is ready", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.supply.ready != nil })
}

// A closed generation that cannot be opened for the moment is no damage, and the end of nobody: its reader waits.
func TestGenerationThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	dir, _ := closedWith(t, 9)
	path := vlogOf(t, dir)
	r := openRig(t, Config{Dir: dir})
	if err := errors.Join(os.Rename(path, path+".away"), os.Symlink(path, path)); err != nil { // a link to itself
		t.Fatal(err)
	}
	var b buffer.Block
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := r.lane.Read(ctx, 0, &b); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a read of what cannot be opened ended with %v", err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if got := r.records(); len(got) != 9 || r.Stats().Damaged != 0 {
		t.Errorf("%q, and %d damaged ranges", got, r.Stats().Damaged)
	}
}

// Badger's own files are damaged after the start: every lane that finds out reads the generation by values, whichever was
// first, and nothing is lost.
func TestLanesThatFindDamageAtOnce(t *testing.T) {
	t.Parallel()
	const streams = 16
	dir := filepath.Join(t.TempDir(), "log")
	r := openRig(t, Config{Dir: dir})
	ids := []buffer.StreamID{r.id}
	for i := range streams - 1 {
		id := buffer.NewStreamID()
		if _, err := r.Define(t.Context(), buffer.Definition{Stream: id, Name: fmt.Sprint("s", i), Logic: 1}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		if _, err := r.Append(t.Context(), buffer.Batch{Stream: id, Records: [][]byte{[]byte("kept")}}); err != nil {
			t.Fatal(err)
		}
	}
	r.stop()
	r = openRig(t, Config{Dir: dir})
	var b buffer.Block
	if err := r.lane.Read(t.Context(), 0, &b); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(filepath.Dir(vlogOf(t, dir)), "*.sst"))
	if err != nil || len(tables) != 1 {
		t.Fatalf("tables %q, %v", tables, err)
	}
	if err := os.Truncate(tables[0], 0); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for _, id := range ids {
		readers.Go(func() {
			var b buffer.Block
			if err := r.lanes[id].Read(t.Context(), 0, &b); err != nil {
				t.Error(err)
			}
		})
	}
	readers.Wait()
	if n := r.Stats().Damaged; n != 0 {
		t.Errorf("%d ranges are quarantined that can be read", n)
	}
}
