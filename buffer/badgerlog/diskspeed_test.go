package badgerlog

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// disk is one that takes its time to answer, whatever is in a group, and then for every byte; both vary.
type disk struct {
	latency time.Duration
	speed   float64 // bytes a second
	stalls  float64 // share of the groups that something else holds for half a second
}

func (d disk) write(rnd *rand.Rand, size int64) time.Duration {
	took := float64(d.latency)*(0.5+rnd.Float64()) + float64(size)/d.speed*(0.7+0.6*rnd.Float64())*float64(time.Second)
	if rnd.Float64() < d.stalls {
		took += float64(500 * time.Millisecond)
	}
	return time.Duration(took)
}

// writeGroups stores groups of from to to bytes.
func writeGroups(s *diskSpeed, rnd *rand.Rand, d disk, groups int, from, to int64) {
	for range groups {
		size := from + rnd.Int64N(to-from+1)
		s.measure(size, d.write(rnd, size))
	}
}

// chance is the same in each run of the tests.
func chance() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func near(got, want float64) bool { return math.Abs(got-want) < want/4 }

// The same disk is as fast with small groups as with large ones: else what compression does to them would decide on it.
func TestDiskSpeed(t *testing.T) {
	for name, d := range map[string]disk{
		"an SSD":              {500 * time.Microsecond, 700e6, 0},
		"one that stalls":     {500 * time.Microsecond, 700e6, 0.005},
		"a volume far away":   {3 * time.Millisecond, 250e6, 0},
		"a hard disk":         {8 * time.Millisecond, 100e6, 0},
		"the fastest of them": {50 * time.Microsecond, 3e9, 0},
	} {
		for _, groups := range [][2]int64{{100e3, 900e3}, {1e6, 4e6}} {
			var s diskSpeed
			writeGroups(&s, chance(), d, 4*speedMemory, groups[0], groups[1])
			if got := s.get(); !near(got, d.speed) {
				t.Errorf("%s, groups of %v bytes: %.0f MB/s", name, groups, got/1e6)
			}
		}
	}
}

// Few large groups among many small ones take many times the mean, and are no outliers.
func TestDiskSpeedOfUnevenGroups(t *testing.T) {
	rnd := chance()
	slow := disk{8 * time.Millisecond, 100e6, 0}
	var s diskSpeed
	for range 2 * speedMemory / 20 {
		writeGroups(&s, rnd, slow, 19, 100e3, 120e3)
		writeGroups(&s, rnd, slow, 1, 8e6, 9e6)
	}
	if got := s.get(); !near(got, slow.speed) {
		t.Errorf("%.0f MB/s", got/1e6)
	}
}

// A disk that changes is found out.
func TestDiskSpeedLearns(t *testing.T) {
	rnd := chance()
	var s diskSpeed
	writeGroups(&s, rnd, disk{time.Millisecond, 800e6, 0}, 4*speedMemory, 100e3, 2e6)
	for _, speed := range []float64{80e6, 800e6} {
		writeGroups(&s, rnd, disk{time.Millisecond, speed, 0}, 8*speedMemory, 100e3, 2e6)
		if got := s.get(); !near(got, speed) {
			t.Errorf("%.0f MB/s where the disk writes %.0f by now", got/1e6, speed/1e6)
		}
	}
}

// What tells nothing leaves the speed unknown, and what is known as it was.
func TestDiskSpeedUnknown(t *testing.T) {
	rnd := chance()
	fast := disk{time.Millisecond, 800e6, 0}
	for name, groups := range map[string]struct {
		n        int
		from, to int64
	}{
		"few groups":         {tellingGroups - 1, 100e3, 2e6},
		"small groups":       {4 * speedMemory, 500, tellingGroup - 1},
		"groups of one size": {4 * speedMemory, 1e6, 1e6},
	} {
		var s diskSpeed
		writeGroups(&s, rnd, fast, groups.n, groups.from, groups.to)
		if got := s.get(); got != 0 {
			t.Errorf("%s: %.0f MB/s", name, got/1e6)
		}
	}
	var s diskSpeed
	writeGroups(&s, rnd, fast, 4*speedMemory, 100e3, 2e6)
	before := s.get()
	writeGroups(&s, rnd, disk{time.Millisecond, 1e6, 0}, speedMemory, 500, tellingGroup-1)
	if got := s.get(); got != before {
		t.Errorf("%.0f MB/s after small groups, %.0f before", got/1e6, before/1e6)
	}
}

// A disk to which size does not matter is fast, and not of a negative speed.
func TestDiskSpeedNoSlope(t *testing.T) {
	var s diskSpeed
	for i := range int64(4 * speedMemory) {
		s.measure(1e6+i%7*1e5, time.Duration(7-i%7)*time.Millisecond)
	}
	if got := s.get(); got < 1e12 {
		t.Errorf("%.0f MB/s", got/1e6)
	}
}
