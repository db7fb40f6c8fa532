package badgerlog

import (
	"math"
	"sync/atomic"
	"time"
)

// diskSpeed learns how many bytes more the disk writes in a second more: the slope of the groups' times by their sizes.
// Their quotient does not tell, since a disk takes its time to answer whatever is in a group: it would look the slower the
// smaller the groups are, as compression makes them. One goroutine measures; get may be called from many at once.
type diskSpeed struct {
	groups     float64 // that count: each the same, and of more than speedMemory the latest most
	size, took float64 // means, bytes and seconds
	variance   float64 // of the sizes
	covariance float64 // of the sizes and times
	known      atomic.Uint64
}

const (
	tellingGroup  = 64 << 10 // stored bytes; smaller groups tell how soon the disk answers
	tellingGroups = 64       // fewer say nothing
	tellingSpread = 0.1      // of the sizes, as their standard deviation by their mean; less says nothing
	speedMemory   = 1024     // groups
	longestGroup  = 4        // times what is expected; what takes longer was held by something else
)

func (d *diskSpeed) measure(stored int64, took time.Duration) {
	if stored < tellingGroup {
		return
	}
	size, seconds := float64(stored), took.Seconds()
	if d.groups >= tellingGroups {
		seconds = min(seconds, longestGroup*d.expected(size))
	}
	d.groups = min(d.groups+1, speedMemory)
	weight := 1 / d.groups
	beside := size - d.size
	d.size += weight * beside
	d.took += weight * (seconds - d.took)
	d.variance += weight * (beside*(size-d.size) - d.variance)
	d.covariance += weight * (beside*(seconds-d.took) - d.covariance)
	if d.groups >= tellingGroups && d.variance >= tellingSpread*tellingSpread*d.size*d.size {
		d.known.Store(math.Float64bits(d.variance / max(d.covariance, d.variance/math.MaxInt64)))
	}
}

// expected is the time of a group of that size by what is known, and of a smaller one than the mean the mean.
func (d *diskSpeed) expected(size float64) float64 {
	if size <= d.size || d.covariance <= 0 {
		return d.took
	}
	return d.took + (size-d.size)*d.covariance/d.variance
}

// get returns bytes a second, 0 where nothing is known.
func (d *diskSpeed) get() float64 { return math.Float64frombits(d.known.Load()) }
