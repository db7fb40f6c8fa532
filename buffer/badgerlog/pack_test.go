package badgerlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"hydrant/buffer"
)

// Batches of all sizes, from many producers at once while definitions change, lie in the log as their receipts say:
// whether a batch had blocks of its own or shared them. A restart changes nothing.
func TestBatchesLieWhereTheirReceiptsSay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := openRig(t, Config{Dir: dir})
	type batch struct {
		first   buffer.Seq
		records [][]byte
	}
	var mu sync.Mutex
	var batches []batch
	var producers sync.WaitGroup
	for p := range 8 {
		producers.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(p)))
			for i := range 25 {
				b := batch{records: make([][]byte, 1+random.IntN(40))}
				for j := range b.records {
					record := fmt.Appendf(nil, "%d.%d.%d ", p, i, j)
					b.records[j] = append(record, bytes.Repeat([]byte{'x'}, random.IntN(100<<random.IntN(8)))...)
				}
				receipt, err := r.Append(t.Context(), buffer.Batch{Stream: r.id, Records: b.records})
				if err != nil {
					t.Error(err)
					return
				}
				b.first = receipt.First
				mu.Lock()
				batches = append(batches, b)
				mu.Unlock()
				if i%10 == 5 {
					if _, err := r.Define(t.Context(), buffer.Definition{Stream: r.id, Name: "s", Logic: 1, Data: record(i)}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	producers.Wait()
	check := func(r *rig) {
		t.Helper()
		stored := r.records()
		total := 0
		for _, b := range batches {
			for i, want := range b.records {
				if at := int(b.first) + i - 1; at >= len(stored) || stored[at] != string(want) {
					t.Fatalf("record %d of the batch at %d is not there", i, b.first)
				}
			}
			total += len(b.records)
		}
		if len(stored) != total {
			t.Errorf("%d records are stored, want %d", len(stored), total)
		}
	}
	check(r)
	again := openRig(t, Config{Dir: copyDir(t, dir)})
	again.id, again.lane = r.id, again.lanes[r.id]
	check(again)
}

func record(i int) []byte { return binary.AppendUvarint(nil, uint64(i)) }

// A batch that will be refused costs no compression, and one that is known does not either.
func TestNoBlocksForWhatIsRefused(t *testing.T) {
	r := openRig(t, Config{Dir: t.TempDir()})
	pack := func(b buffer.Batch) []*packed {
		r.mu.Lock()
		defer r.mu.Unlock()
		own, _ := r.packAlone(b, ownBlocks)
		return own
	}
	large := [][]byte{randomBlock(ownBlocks)}
	if own := pack(buffer.Batch{Stream: buffer.NewStreamID(), Records: large}); own != nil {
		t.Errorf("a stream that does not exist: %v", own)
	}
	key := buffer.Key{ID: buffer.KeyID{1}, Payload: 2}
	if _, err := r.Append(t.Context(), buffer.Batch{Stream: r.id, Records: large, Key: key}); err != nil {
		t.Fatal(err)
	}
	if own := pack(buffer.Batch{Stream: r.id, Records: large, Key: key}); own != nil {
		t.Errorf("a batch that is stored: %v", own)
	}
	if own := pack(buffer.Batch{Stream: r.id, Records: large}); len(own) != 1 {
		t.Errorf("a new batch: %v", own)
	}
}

// Compression is chosen by what it saves in the time that the disk would need for it.
func TestThrift(t *testing.T) {
	for _, c := range []struct {
		name         string
		saved, speed int // bytes a second; 0 is not measured yet
		want         bool
	}{
		{"nothing is known", 0, 0, true},
		{"the disk is not known", 100, 0, true},
		{"the data is not known", 0, 100, true},
		{"a slow disk", 100, 100, true},
		{"twice as fast", 100, 200, true},
		{"a fast disk", 100, 201, false},
	} {
		var th thrift
		var speed rate
		if c.saved > 0 {
			th.saved.measure(c.saved, time.Second)
		}
		if c.speed > 0 {
			speed.measure(c.speed, time.Second)
		}
		if got := th.pays(speed.get()); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
	var th thrift
	th.saved.measure(1, time.Second)
	probes := 0
	for range 10 * probeEvery {
		if th.pays(1e9) {
			probes++
		}
	}
	if probes != 10 {
		t.Errorf("%d of %d blocks are compressed to see whether it pays", probes, 10*probeEvery)
	}
	for range 100 { // what it measures changes its mind
		th.saved.measure(1e9, time.Second)
	}
	if !th.pays(1e9) {
		t.Error("what shrinks well is not compressed although that pays")
	}
}

// Where the disk is filled by what is undelivered, everything is compressed.
func TestSpaceIsScarce(t *testing.T) {
	t.Parallel()
	r := openRig(t, Config{Dir: t.TempDir(), MaxDisk: smallDisk})
	r.committer.speed.measure(1e15, time.Second)
	r.lanes[r.id].thrift.saved.measure(1, time.Second)
	eventually(t, "housekeeping has looked", func() bool { return r.scarce.Load() })
	var b buffer.Builder
	b.Add(bytes.Repeat([]byte("log "), ownBlocks), 1)
	if got := r.lanes[r.id].thrift.pack(&b, r.lanes[r.id], nil); len(got) > b.Len()/2 {
		t.Errorf("a block of %d bytes", len(got))
	}
	r.stop() // else housekeeping looks again
	r.scarce.Store(false)
	if got := r.lanes[r.id].thrift.pack(&b, r.lanes[r.id], nil); len(got) < b.Len() {
		t.Errorf("a block of %d bytes where space is plenty", len(got))
	}
}
