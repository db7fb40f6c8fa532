package badgerlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
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
		saved, speed float64 // bytes a second; 0 is not measured yet
		want         float64 // share of the blocks
	}{
		{"nothing is known", 0, 0, 1},
		{"the disk is not known", 100, 0, 1},
		{"the data is not known", 0, 100, 1},
		{"a slow disk", 100, 100, 1},
		{"the fastest with which all pay", 75, 100, 1},
		{"both limit", 625, 1000, 0.5},
		{"twice as fast", 100, 200, 0},
		{"a fast disk", 100, 1000, 0},
		{"what hardly shrinks", 1, 100, 0},
		{"what grows", -1, 100, 0},
	} {
		var th thrift
		if c.saved != 0 {
			th.saved.measure(int(c.saved), time.Second)
		}
		const blocks = 32_000
		paid := 0
		for range blocks {
			if th.pays(c.speed) {
				paid++
			}
		}
		want := c.want + (1-c.want)/probeEvery // the probes are compressed to see whether it pays
		if got := float64(paid) / blocks; math.Abs(got-want) > 0.02 {
			t.Errorf("%s: %.3f of the blocks are compressed, not %.3f", c.name, got, want)
		}
	}
}

// What is measured later changes the choice.
func TestThriftLearns(t *testing.T) {
	var th thrift
	th.saved.measure(1, time.Second)
	for range 10 * smoothing {
		th.saved.measure(1e9, time.Second)
	}
	if !th.pays(1e9) {
		t.Error("what shrinks well by now is not compressed although that pays")
	}
}

// A block is compressed, whether or not that pays, where there is little to do, where the disk is filled by what is undelivered,
// and where it is small batches'.
func TestAllIsCompressed(t *testing.T) {
	t.Parallel()
	r := openRig(t, Config{Dir: t.TempDir(), MaxDisk: smallDisk})
	eventually(t, "housekeeping has looked", func() bool { return r.scarce.Load() })
	r.stop() // else housekeeping looks again
	lane := r.lanes[r.id]
	lane.thrift.saved.measure(1, time.Second)
	r.committer.speed.known.Store(math.Float64bits(1e15))
	for _, c := range []struct {
		name           string
		scarce, idle   bool
		shared         int // bytes of a block that batches share
		wantCompressed bool
	}{
		{"it does not pay", false, false, 0, false},
		{"space is scarce", true, false, 0, true},
		{"little to do", false, true, 0, true},
		{"small batches", false, false, smallShared, true},
		{"many small batches", false, false, smallShared + 1, false},
	} {
		r.scarce.Store(c.scarce)
		r.committer.pressure.isHigh.Store(!c.idle)
		var p *packed
		if c.shared == 0 {
			p = lane.packAlone([][]byte{bytes.Repeat([]byte("log "), ownBlocks)}, nil)[0]
		} else {
			b := builders.Get().(*buffer.Builder)
			b.Add(bytes.Repeat([]byte("l"), c.shared-4), 1) // four bytes frame it
			p = &packed{builder: b}
			p.finishShared(lane)
		}
		if compressed := len(p.block) < p.raw/2; compressed != c.wantCompressed {
			t.Errorf("%s: %d bytes of %d are stored", c.name, len(p.block), p.raw)
		}
	}
}
