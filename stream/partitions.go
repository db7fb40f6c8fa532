package stream

// Partitions bounds how many partitions of a stream are open at once, on each node. It says nothing about which records
// belong together, so it is no part of a definition's versions.
type Partitions struct {
	Max int `yaml:"max"` // 1 to 100,000; 0 means 10,000

	// Exceeded says what becomes of a record that would open one more: seal, which is the default, delivers the partitions
	// early that were written to least recently; error has the record go to the error output, as Firehose does.
	Exceeded string `yaml:"exceeded"`
}

// ExceededError is a value of Partitions.Exceeded; the other one is the default.
const (
	ExceededError = "error"
	exceededSeal  = "seal"
)

const (
	defaultPartitions = 10_000
	maxPartitions     = 100_000
)

// Limit is how many partitions may be open.
func (p Partitions) Limit() int {
	if p.Max == 0 {
		return defaultPartitions
	}
	return p.Max
}

// coldShare of the size is what an object must have to be delivered after its interval, where cold ones may wait longer.
const coldShare = 16

// IsCold reports whether an object of so many bytes may wait for the longer of the intervals.
func (b Buffering) IsCold(bytes int64) bool {
	return b.ColdInterval > b.Interval && bytes < int64(b.Size)/coldShare
}

// LongestInterval is how long a record may wait for others, if its destination takes what it is given.
func (s Stream) LongestInterval() Duration {
	longest := max(s.Buffering.Interval, s.Buffering.ColdInterval)
	if b := s.Backup; b != nil {
		longest = max(longest, b.Buffering.Interval, b.Buffering.ColdInterval)
	}
	return longest
}

func (v *validation) partitions() {
	if e := v.stream.Partitions.Exceeded; e != "" && e != exceededSeal && e != ExceededError {
		v.add("partitions.exceeded", "%q is not supported: write %s or %s", e, exceededSeal, ExceededError)
	}
	if n := v.stream.Partitions.Max; n < 0 || n > maxPartitions {
		v.add("partitions.max", "%d is not from 1 to %d", n, maxPartitions)
	}
}

func (v *validation) coldInterval() {
	b := v.stream.Buffering
	if b.ColdInterval != 0 && (b.ColdInterval < b.Interval || b.ColdInterval > maxInterval) {
		v.add("buffering.cold_interval", "the interval is %v; it must be from buffering.interval (%v) to %v, or left out", b.ColdInterval, b.Interval, maxInterval)
	}
}
