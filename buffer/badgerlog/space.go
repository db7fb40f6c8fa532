package badgerlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"hydrant/buffer"
)

// What the log needs of a disk. A generation's space is allocated when it is made, so that the sums below are facts and
// not guesses: the current generation, the next one and the reserve lie on the disk before the first record does.

const (
	minReserve = 16 << 20
	maxReserve = 64 << 20

	lastCapacity = minCapacity / 2 // of a generation made in the reserve's space
)

// generationSpace is what a generation occupies from its making until it is closed.
func generationSpace(capacity int64) int64 {
	return capacity + walSpace(slotsFor(capacity)) + 2*slack
}

func walSpace(slots int) int64 { return int64(slots)*slotBytes + slack }

// closingSpace bounds what Badger writes when it closes a generation: the table of its keys.
func closingSpace(entries int) int64 { return int64(entries)*slotBytes + 2<<20 }

// reserveFor is the size of the reserve, and the least free space that records are taken with: it closes the largest
// generation that the space allows and holds one for the last changes of state.
func reserveFor(usable int64) int64 { return min(max(usable/16, minReserve), maxReserve) }

// resumeAt is the free space at which records are taken again.
func resumeAt(reserve int64) int64 { return 2 * reserve }

// usableSpace is what the log may come to hold, of which it holds some already.
func usableSpace(maxDisk, held, free int64) int64 {
	if free >= maxDisk {
		return maxDisk
	}
	return min(maxDisk, held+free)
}

// CheckSpace reports whether a log in dir can work: the current generation, the next one and the reserve must fit in
// maxDisk bytes (0 means the default), and in the disk's free space with enough left that records are taken. What the
// log holds in dir already counts as free. The directory need not exist.
func CheckSpace(dir string, maxDisk int64) error {
	if maxDisk == 0 {
		maxDisk = defaultMaxDisk
	}
	return checkSpace(dir, maxDisk, freeSpace)
}

func checkSpace(dir string, maxDisk int64, freeSpace func(string) int64) error {
	if maxDisk < MinDisk {
		return fmt.Errorf("buffer.max_disk is %d bytes: the buffer needs at least %d", maxDisk, MinDisk)
	}
	held, free := diskUsage(dir), freeSpace(existing(dir))
	reserve := reserveFor(usableSpace(maxDisk, held, free))
	generations := 2 * generationSpace(minCapacity)
	if need := generations + reserve + resumeAt(reserve); usableSpace(need, held, free) < need {
		return fmt.Errorf("the disk of %s has %d bytes free and %d in the buffer: the buffer needs at least %d "+
			"(two generations of %d, a reserve of %d, and %d that stay free): free some, or move data_dir to a larger disk",
			dir, free, held, need, generations/2, reserve, resumeAt(reserve))
	}
	return nil
}

// existing is the nearest directory above that is there.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return dir
		}
		dir = parent
	}
}

// allows reports whether max_disk and the disk have room for need more bytes and for the reserve. The error is a
// *buffer.FullError. Called with space held.
func (l *Log) allows(need int64) error {
	l.mu.Lock()
	used := l.disk()
	l.mu.Unlock()
	if !l.reserve.held.Load() {
		need += l.reserve.size
	}
	if used+need > l.cfg.MaxDisk {
		return &buffer.FullError{Used: used, Limit: l.cfg.MaxDisk, Reason: "buffer.max_disk is reached"}
	}
	if free := l.cfg.free(l.cfg.Dir); free < need+l.reserve.size {
		return &buffer.FullError{
			Used: used, Limit: l.cfg.MaxDisk,
			Reason: fmt.Sprintf("the disk has %d bytes free, the next generation needs %d: free some", free, need+l.reserve.size),
		}
	}
	return nil
}

// returnTails gives back what unclosed generations had allocated and never wrote.
func (l *Log) returnTails() {
	for _, g := range l.gens {
		if g.state != unclosed {
			continue
		}
		for _, name := range []string{vlogName, walName} {
			if err := releaseZeros(filepath.Join(g.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				l.cfg.Log.Warn("allocated space was not given back", "generation", g.dir, "error", err)
			}
		}
		g.allocated.Store(diskUsage(g.dir))
	}
}

// disk is what the generations and the reserve hold. Called with mu held.
func (l *Log) disk() int64 {
	total := l.kept.Load()
	if l.reserve.held.Load() {
		total += l.reserve.size
	}
	if l.supply.ready != nil {
		total += l.supply.ready.allocated.Load()
	}
	for _, g := range l.gens {
		total += g.allocated.Load()
	}
	return total
}

// backlog is the stored size of what is not settled.
func (l *Log) backlog() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var total int64
	for _, g := range l.gens {
		total += g.liveBytes.Load()
	}
	return total
}
