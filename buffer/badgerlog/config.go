package badgerlog

import (
	"fmt"
	"log/slog"
	"time"

	"hydrant/buffer"
)

// Config says where the log lies and how large it may grow.
type Config struct {
	Dir     string // made if it does not exist
	MaxDisk int64  // bytes, preallocated space included; at least MinDisk; 0 means 20 GiB
	Recent  int64  // bytes of the newest blocks kept in memory for readers; 32 MiB
	Log     *slog.Logger
	Window  buffer.Window // of keys; no more of them than fit in a sixteenth of MaxDisk

	// DataKeys are what blocks are encrypted with, where a definition asks for that; nil has none. They are asked with locks
	// held: they must not wait.
	DataKeys buffer.DataKeys

	// StreamShare is how many bytes of MaxDisk one stream's undelivered blocks may hold where there are other streams; 0
	// means a half. Past it the stream is refused, by a group at most too late, and no other.
	StreamShare int64

	// Observe, where set, is told of every group after its sync. It must not wait.
	Observe func(Group)

	now  func() time.Time        // the tests' clock
	sync func(*generation) error // the tests' faults
	free func(dir string) int64  // the tests' disk

	elapsed func() time.Duration // the tests' time since the log was opened
}

func (c *Config) setDefaults() error {
	if c.MaxDisk == 0 {
		c.MaxDisk = defaultMaxDisk
	}
	if c.MaxDisk < MinDisk {
		return fmt.Errorf("max_disk is %d bytes: the buffer needs at least %d", c.MaxDisk, MinDisk)
	}
	if c.Recent == 0 {
		c.Recent = 32 << 20
	}
	if c.StreamShare == 0 {
		c.StreamShare = c.MaxDisk / 2
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.DataKeys == nil {
		c.DataKeys = noKeys{}
	}
	if c.Observe == nil {
		c.Observe = func(Group) {}
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.elapsed == nil {
		opened := time.Now()
		c.elapsed = func() time.Duration { return time.Since(opened) } // by the monotonic clock
	}
	c.Window = c.Window.WithDefaults()
	c.Window.Keys = min(c.Window.Keys, int(c.MaxDisk/16/keyBytes))
	if c.sync == nil {
		c.sync = syncGeneration
	}
	if c.free == nil {
		c.free = freeSpace
	}
	return nil
}

// Group is what Observe is told of.
type Group struct {
	Records int
	Bytes   int64         // of the records
	Stored  int64         // given to Badger
	Sync    time.Duration // of the transaction and its sync
}
