package badgerlog

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hydrant/buffer"
)

// smallDisk keeps the generations at their smallest.
const smallDisk = 96 << 20

// fill settles as it appends, so that generations come and go.
func (r *rig) fill(id buffer.StreamID, blocks int) {
	r.t.Helper()
	block := randomBlock(1 << 20)
	for range blocks {
		var receipt buffer.Receipt
		eventually(r.t, "there is room", func() (taken bool) {
			var err error
			receipt, err = r.Append(r.t.Context(), buffer.Batch{Stream: id, Records: [][]byte{block}})
			return err == nil
		})
		if err := r.lanes[id].Commit(r.t.Context(), buffer.Change{Cursor: receipt.First}); err != nil {
			r.t.Fatal(err)
		}
	}
}

// define adds a stream.
func (r *rig) define(name string) buffer.StreamID {
	r.t.Helper()
	id := buffer.NewStreamID()
	if _, err := r.Define(r.t.Context(), buffer.Definition{Stream: id, Name: name, Logic: 1}); err != nil {
		r.t.Fatal(err)
	}
	return id
}

// A slow stream's few records do not pin what a fast one has left behind.
func TestSlowStreamDoesNotPin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := openRig(t, Config{Dir: dir, MaxDisk: smallDisk})
	fast := r.define("fast")
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprint("slow ", i))
		r.mustAdd(want[i])
		r.fill(fast, 5)
	}
	eventually(t, "the fast stream's generations are dropped", func() bool {
		return r.Stats().Disk <= 4*generationSpace(minCapacity)+r.reserve.size
	})
	equal(t, "records", r.records(), want)
	crashed := openRig(t, Config{Dir: copyDir(t, dir), MaxDisk: smallDisk})
	for _, s := range crashed.Streams() {
		if s.Name == "s" {
			crashed.id, crashed.lane = s.ID, crashed.lanes[s.ID]
		}
	}
	equal(t, "records after a crash", crashed.records(), want)
	if n := crashed.Stats().Damaged; n != 0 {
		t.Errorf("%d ranges are called damaged", n)
	}
}

// The oldest generation is rewritten however much of it is live, if it pins ten times as much behind it: the disk in use
// is bounded by what is undelivered. More goes through here than the disk holds.
func TestDiskIsBoundedByWhatIsUndelivered(t *testing.T) {
	t.Parallel()
	r := openRig(t, Config{Dir: t.TempDir(), MaxDisk: smallDisk})
	fast := r.define("fast")
	const undelivered = 3 << 20
	for range undelivered >> 20 {
		r.mustAdd(string(randomBlock(1 << 20)))
	}
	r.fill(fast, 100)
	eventually(t, "the generations behind it are dropped", func() bool {
		return r.Stats().Disk <= liveShare*undelivered+3*generationSpace(minCapacity)+r.reserve.size
	})
	if got := len(r.records()); got != undelivered>>20 {
		t.Errorf("%d records are left", got)
	}
}

// A crash at every sync while blocks are rewritten, and after every generation that is dropped.
func TestCrashWhileRewriting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var copies []string
	rewriting := false
	snapshot := func() {
		if rewriting && len(copies) < 12 {
			copies = append(copies, copyDir(t, dir))
		}
	}
	r := openRig(t, Config{Dir: dir, MaxDisk: smallDisk, sync: func(g *generation) error {
		snapshot()
		err := g.sync()
		snapshot()
		return err
	}})
	fast := r.define("fast")
	var want []string
	for i := range 4 {
		want = append(want, fmt.Sprint(i, string(randomBlock(700<<10))))
		r.mustAdd(want[i])
	}
	r.fill(fast, 60)
	if err := r.submit(t.Context(), func(*group) error { rewriting = true; return nil }); err != nil { // before the next group
		t.Fatal(err)
	}
	leaveGeneration(t, r.Log) // whatever housekeeping has moved so far, the blocks lie in an old generation now
	into := r.writesTo()
	eventually(t, "every block is moved, by this test or by housekeeping", func() bool {
		moveSome(t, r.Log)
		return r.liesFrom(into)
	})
	r.stop()
	copies = append(copies, copyDir(t, dir))
	if len(copies) < 4 {
		t.Fatalf("only %d moments were seen", len(copies))
	}
	for i, crashed := range copies {
		m, err := load(crashed, untold)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.lost) > 0 || len(m.notes) > 0 && i == len(copies)-1 {
			t.Errorf("moment %d: %v, %q", i, m.lost, m.notes)
		}
		if err := m.release(); err != nil {
			t.Error(err)
		}
		again := openRig(t, Config{Dir: crashed, MaxDisk: smallDisk})
		again.id, again.lane = r.id, again.lanes[r.id]
		if got := again.records(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("moment %d: %d records of %d, or others", i, len(got), len(want))
		}
		again.stop()
	}
}

// liesFrom reports whether every block of the stream lies in this generation, or in one that came after it.
func (r *rig) liesFrom(g *generation) bool {
	l := r.lanes[r.id]
	l.mu.Lock()
	defer l.mu.Unlock()
	return !slices.ContainsFunc(l.refs, func(b *ref) bool { return b.generation.id < g.id })
}

// A damaged block is never moved, and what is whole around it is.
func TestDamagedBlockIsNotMoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := openRig(t, Config{Dir: dir, MaxDisk: smallDisk})
	for i := range 3 {
		r.mustAdd(fmt.Sprint("record ", i))
	}
	r.stop()
	flipAt(t, dir, blockKey(buffer.LaneID{Stream: r.id}, 2, 1))

	r = openRig(t, Config{Dir: dir, MaxDisk: smallDisk})
	old := r.gens[0]
	eventually(t, "the whole blocks are moved", func() bool { return old.live.Load() == 1 })
	var b buffer.Block
	if err := r.lane.Read(t.Context(), 1, &b); err == nil {
		t.Error("the damaged block was read")
	}
	if err := r.lane.Read(t.Context(), 2, &b); err != nil || b.First != 3 {
		t.Errorf("the block after it: %v", err)
	}
	r.settle(3)
	kept := filepath.Join(dir, quarantineName, filepath.Base(old.dir), vlogName)
	eventually(t, "it is dropped once it is settled, and its files are kept", func() bool { return old.is(discarded) && exists(kept) })
}

// Whatever is appended, settled, rewritten and crashed, each lane reads what it was given above its cursor, and what is sent
// again under its key within the window is not stored again.
func TestRewritingAgainstAModel(t *testing.T) {
	limitChecks(t, 6)
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		var world atomic.Int64 // its age; a log knows how long it was open
		age := func() time.Duration { return time.Duration(world.Load()) }
		cfg := func() Config {
			opened := age()
			return Config{Dir: dir, MaxDisk: MinDisk * 4, StreamShare: MinDisk * 4, elapsed: func() time.Duration { return age() - opened }}
		}
		r := openRig(t, cfg())
		defer func() { r.stop() }()
		ids := []buffer.StreamID{r.id, r.define("b"), r.define("c")}
		model := make([][]string, len(ids)) // by lane and sequence
		cursor := make([]int, len(ids))
		var keyed []keyedBatch
		n := 0
		steps := rapid.IntRange(5, 30).Draw(rt, "steps")
		for range steps {
			lane := rapid.IntRange(0, len(ids)-1).Draw(rt, "lane")
			switch rapid.IntRange(0, 9).Draw(rt, "step") {
			default:
				n++
				record := fmt.Sprint(n, string(randomBlock(rapid.IntRange(1, 300<<10).Draw(rt, "size"))))
				b := buffer.Batch{Stream: ids[lane], Records: [][]byte{[]byte(record)}}
				if n%2 == 0 {
					b.Key = buffer.Key{ID: buffer.KeyID{1, byte(n)}, Payload: uint64(n)}
				}
				if receipt, err := r.Append(t.Context(), b); err == nil {
					model[lane] = append(model[lane], record)
					keyed = append(keyed, keyedBatch{b, receipt, age()})
				}
			case 5:
				world.Add(int64(time.Duration(rapid.IntRange(0, 4).Draw(rt, "minutes")) * time.Minute))
				for _, k := range keyed {
					k.repeat(rt, r.Log, age())
				}
			case 6, 7:
				if to := len(model[lane]); to > cursor[lane] {
					cursor[lane] = rapid.IntRange(cursor[lane]+1, to).Draw(rt, "cursor")
					r.id, r.lane = ids[lane], r.lanes[ids[lane]]
					r.settle(buffer.Seq(cursor[lane]))
				}
			case 8:
				leaveGeneration(t, r.Log)
				moveSome(t, r.Log)
			case 9:
				dir = copyDir(t, dir)
				r.stop()
				r = openRig(t, cfg())
			}
		}
		for lane, id := range ids {
			r.id, r.lane = id, r.lanes[id]
			if got, want := r.records(), model[lane][cursor[lane]:]; fmt.Sprint(got) != fmt.Sprint(want) {
				rt.Fatalf("lane %d: %d records, want %d, or others", lane, len(got), len(want))
			}
		}
	})
}

// keyedBatch is one that was stored, with a key or without.
type keyedBatch struct {
	buffer.Batch
	receipt buffer.Receipt
	at      time.Duration
}

// repeat sends the batch again where that must not store it again.
func (k *keyedBatch) repeat(rt *rapid.T, l *Log, now time.Duration) {
	if k.Key.ID.IsZero() || now-k.at >= buffer.DefaultWindow.Age {
		return
	}
	want := k.receipt
	want.Duplicate = true
	if got, err := l.Append(context.Background(), k.Batch); err != nil || got != want {
		rt.Fatalf("%v after it was stored a batch is answered with %+v (%v), want %+v", now-k.at, got, err, want)
	}
}

// limitChecks bounds rapid's histories where the command line does not say how many: each opens real logs.
func limitChecks(t *testing.T, n int) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	if checks.Value.String() != checks.DefValue {
		return
	}
	if err := checks.Value.Set(strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = checks.Value.Set(checks.DefValue) })
}

// leaveGeneration goes on in a new one.
func leaveGeneration(t *testing.T, l *Log) {
	t.Helper()
	if err := l.submit(t.Context(), func(g *group) error { g.carry, g.leave = l.current, true; return nil }); err != nil {
		t.Fatal(err)
	}
}

// moveSome moves some blocks of the oldest generation, whether or not that is worth it, and says how many.
func moveSome(t *testing.T, l *Log) int {
	t.Helper()
	oldest := l.oldestIdle()
	if oldest == nil {
		return 0
	}
	moves, err := l.movesFrom(oldest)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.submit(t.Context(), func(g *group) error { g.moves = moves; return nil }); err != nil {
		t.Fatal(err)
	}
	return len(moves)
}

// However small the blocks are that pin a generation, a group takes no more of them than one of Badger's transactions does.
func TestManyTinyBlocksAreMoved(t *testing.T) {
	t.Parallel()
	r := openRig(t, Config{Dir: t.TempDir(), sync: func(*generation) error { return nil }})
	r.leaveFor(64 << 20)
	const blocks = 14_000
	for range blocks {
		r.mustAdd("")
	}
	pinned := r.writesTo()
	r.leaveFor(minCapacity)
	into := r.writesTo()
	eventually(t, "every block is moved, by this test or by housekeeping", func() bool {
		moveSome(t, r.Log)
		return pinned.live.Load() == 0
	})
	if into.is(poisoned) {
		t.Error("the generation that they went to failed")
	}
}

// leaveFor goes on in a new generation of the capacity given.
func (r *rig) leaveFor(capacity int64) {
	r.t.Helper()
	r.awaitReadyGeneration()
	if err := r.dropReady(); err != nil {
		r.t.Fatal(err)
	}
	g, err := r.makeGeneration(capacity)
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	r.supply.ready = g
	r.mu.Unlock()
	if err := r.submit(r.t.Context(), func(g *group) error { g.carry, g.leave = r.gens[0], true; return nil }); err != nil {
		r.t.Fatal(err)
	}
}
