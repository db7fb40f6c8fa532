package badgerlog

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"hydrant/buffer"
)

// Blocks are compressed where that pays: by how many bytes a second of a core's work saves, beside how many more the disk
// writes in a second. A disk that writes little more is what limits the log, and all blocks are compressed; where it writes
// twice as much the processors do, and none is; in between, where both do, a share of them is. What hardly shrinks is not.
// Work counts by the clock, so that busy processors make it dearer. While there is little to do all are, since what is smaller
// is also kept and read for less. docs/performance.md has the measurements.

const (
	allPay     = 0.75 // from so many bytes saved on for each that the disk writes in the same time
	nonePays   = 0.5
	spaceShare = 4  // where this part of max_disk is in use, space is what counts, and all is compressed
	probeEvery = 32 // a lane's blocks; data changes
	smoothing  = 32 // a measurement counts for so small a part
)

// rate is a smoothed number of bytes a second, 0 before the first measurement and never after it. It may be used from many
// goroutines at once; a measurement that another one overtakes is lost, which does not matter.
type rate struct{ bits atomic.Uint64 }

func (r *rate) get() float64 { return math.Float64frombits(r.bits.Load()) }

func (r *rate) measure(bytes int, took time.Duration) {
	measured := float64(max(bytes, 1)) / max(took.Seconds(), 1e-9)
	if before := r.get(); before > 0 {
		measured = before + (measured-before)/smoothing
	}
	r.bits.Store(math.Float64bits(measured))
}

// thrift decides for one lane.
type thrift struct {
	saved  rate // by compression; 0 where nothing was measured
	blocks atomic.Uint32
}

// pack makes a block of the lane's, compressed where that pays or where it must be.
func (t *thrift) pack(b *buffer.Builder, l *lane, key *buffer.DataKey, compress bool) []byte {
	c := &l.log.committer
	if !compress && !l.log.scarce.Load() && c.pressure.high() && !t.pays(c.speed.get()) {
		return b.Pack(false, l.id, key)
	}
	start := time.Now()
	block := b.Pack(true, l.id, key)
	if b.Len() >= ownBlocks { // less tells little
		t.saved.measure(b.Len()+buffer.HeaderSize-len(block), time.Since(start))
	}
	return block
}

// pays decides for a block, by the disk's speed. Where something is not known yet, it pays.
func (t *thrift) pays(speed float64) bool {
	saved := t.saved.get()
	if t.blocks.Add(1)%probeEvery == 0 || saved == 0 || speed == 0 {
		return true
	}
	return rand.Float64() < (saved/speed-nonePays)/(allPay-nonePays)
}
