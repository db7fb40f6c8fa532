package badgerlog

import (
	"errors"
	"testing"

	"hydrant/buffer"
)

// Generations are dropped as they are settled, however many went through, and an idle log gives almost everything back.
func TestDiskFollowsTheBacklog(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, Config{Dir: dir, MaxDisk: 512 << 20})
	const total, behind = 200, 16
	for i := range total {
		seq, err := r.add(randomBlock(1 << 20))
		if err != nil {
			t.Fatalf("append %d: %v", i, err)
		}
		if seq > behind {
			r.settle(seq - behind)
		}
	}
	eventually(t, "what is settled is dropped, beside what is not", func() bool { return r.Stats().Disk <= 200<<20+r.reserve.size })
	r.settle(r.lane.Info().Head)
	eventually(t, "the disk is given back", func() bool { return r.Stats().Disk <= 3*minCapacity+8<<20+r.reserve.size })
	eventually(t, "its files are gone too", func() bool { return diskUsage(dir) <= 40<<20+r.reserve.size })
	r.mustAdd("still works")
	equal(t, "records", r.records(), []string{"still works"})
}

// At max_disk appends are refused, nothing acknowledged is harmed, state can still be written, and delivery makes room.
func TestFullAndBack(t *testing.T) {
	r := openRig(t, Config{Dir: t.TempDir(), MaxDisk: MinDisk})
	block := randomBlock(1 << 20)
	var last buffer.Seq
	var full *buffer.FullError
	for full == nil {
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
	r.pass(20)
	eventually(t, "the first generation is dropped", func() bool { return !exists(first) })
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
