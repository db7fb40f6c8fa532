package badgerlog

import (
	"math"
	"sync/atomic"
	"time"

	"hydrant/buffer"
)

// Blocks are compressed where that pays: where a second of a core's work saves more bytes than the disk writes in a
// second, or half as many, since what is smaller is also read and kept for less. So logs are compressed before all but
// the fastest disks, what hardly shrinks is not, and neither costs the acknowledgement more than it gives.

const (
	compressionBonus = 2
	spaceShare       = 4  // where this part of max_disk is in use, space is what counts, and all is compressed
	probeEvery       = 32 // a lane's blocks; data changes
	smoothing        = 8  // a measurement counts for an eighth
)

// rate is a smoothed number of bytes a second. It may be used from many goroutines at once; a measurement that another
// one overtakes is lost, which does not matter.
type rate struct{ bits atomic.Uint64 }

func (r *rate) get() float64 { return math.Float64frombits(r.bits.Load()) }

func (r *rate) measure(bytes int, took time.Duration) {
	measured := float64(max(bytes, 0)) / max(took.Seconds(), 1e-9)
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

// pack makes a block of the lane's.
func (t *thrift) pack(b *buffer.Builder, l *lane, key *buffer.DataKey) []byte {
	if !t.pays(l.log.committer.speed.get()) && !l.log.scarce.Load() {
		return b.Pack(false, l.id, key)
	}
	start := time.Now()
	block := b.Pack(true, l.id, key)
	if b.Len() >= ownBlocks { // less tells little
		t.saved.measure(b.Len()+buffer.HeaderSize-len(block), time.Since(start))
	}
	return block
}

func (t *thrift) pays(speed float64) bool {
	return t.blocks.Add(1)%probeEvery == 0 || t.saved.get() == 0 || compressionBonus*t.saved.get() >= speed
}
