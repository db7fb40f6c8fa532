// Package buffer is the contract of Hydrant's durable, ordered log: what the gateway appends to and delivery reads from.
//
// A log holds streams. A stream's records lie in lanes, each an ordered run with its own sequence: one lane per stream
// on the embedded engine, one per partition on Kafka. Records are packed into blocks, blocks into groups; a group is
// what one sync commits, together with every change of state that arrived meanwhile.
//
// A step that is no pure function of its records, such as a call of somebody's service, writes what came of it into a
// derived lane, in the very change that says its own lane is done with them. The derived lane belongs to the stream and is
// served like any other; nobody but the owner of its source appends to it.
//
// The promises every engine keeps are written at the methods below and executed by package buffertest.
package buffer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Log is a durable log of records. All methods may be called from many goroutines at once.
type Log interface {
	// Streams returns every stream the log knows, in the order of their names.
	Streams() []Stream

	// Define puts a version of a stream's definition in force for every record appended after it returns, and creates
	// the stream if the log does not know d.Stream yet. The switch is durable on return: after a restart each record
	// is read under the version that was in force at its sequence. Versions count from 1 and rise by 1. Where the definition
	// names a data key, every such record is on disk in encrypted form only.
	Define(ctx context.Context, d Definition) (Version, error)

	// Append stores one batch and returns after the sync that made it durable. A batch is never split over two syncs:
	// after a crash all of it is there or nothing. The records are copied before Append returns, whatever it returns,
	// and are not used afterwards.
	//
	// A batch with a key is stored once while the key is remembered, which is for the log's Window: a repetition is
	// answered with the receipt of the first, marked as a duplicate, and so it is after a crash, since key and records
	// become durable together or not at all. A repetition of a batch that is still on its way waits for it, and fails
	// as it fails; afterwards the key is free again.
	//
	// Errors: ErrUnknownStream, ErrClosed, ErrKeyReused, *FullError, *DataKeyError; nothing was stored then. Any other error, a
	// cancelled ctx included, leaves the outcome unknown: the batch may appear, once, and never partly. A batch with a
	// key may be sent again to find out.
	Append(ctx context.Context, b Batch) (Receipt, error)

	// Serve calls run for each lane this process owns, each in a goroutine of its own, and for lanes that it comes to
	// own later, until ctx ends; it returns when every run has returned. A run's context ends when its lane is lost.
	// A run that returns an error while its context lives ends its lane only; the error is returned by Serve at its end.
	// At most one run is active per lane, and at most one Serve per log.
	Serve(ctx context.Context, run func(ctx context.Context, lane Lane) error) error

	// Stats is a snapshot; it never waits for the disk. Usage is the part of it that costs the same however many streams
	// there are.
	Stats() Stats
	Usage() Usage

	// NeededKeys are the data keys of the versions that are in force or that a record not settled may need. It costs
	// nothing for streams that are not encrypted.
	NeededKeys() map[DataKeyID]bool

	// Failed is closed when the log can no longer store anything (a second sync error within a minute, its directory taken
	// away). The process should then end: what was acknowledged is safe as far as the files are, and a restart reads the
	// disk afresh.
	Failed() <-chan struct{}

	// Failure says why Failed is closed and what to do; nil before.
	Failure() error

	// Close waits for appends in progress and releases the log. Later calls return ErrClosed; a second Close is a no-op.
	Close() error
}

// Lane is what the owner of a lane may do with it. Read and Commit are for the goroutines of its run function, beside each
// other, and each beside itself: Read into blocks of their own, Commit where the changes have no key in common.
type Lane interface {
	// Info is a snapshot of where the lane stands.
	Info() LaneInfo

	// Read waits for the first block that holds a record above after and reads it into b, whose memory it reuses. Only
	// synced records are ever seen. Blocks come in order; a block may begin at or below after. A slow reader never holds
	// up a writer. It waits, too, while the data key of that block cannot be had; the log's Stats say so.
	//
	// Errors: *CorruptError where the next thing above after is a damaged range: its To lies above after, it is quarantined
	// durably, and what is behind it is read from its To on. Else the context's error.
	Read(ctx context.Context, after Seq, b *Block) error

	// Extent is the last sequence of the block that Read would give now, so that the block behind it can be read at the same
	// time; false where Read would wait, or finds damage. It is no promise: the block may be another one when it is read.
	Extent(after Seq) (last Seq, ok bool)

	// State yields the lane's live entries in the order of their keys. The values must not be changed.
	State() iter.Seq2[string, []byte]

	// Commit makes a change durable: all of it or nothing. It rides on the next group. A change that derives records runs
	// beside no other one that does. The records are copied; after a *FullError, or a *DataKeyError of what is derived,
	// nothing of the change was stored.
	Commit(ctx context.Context, c Change) error
}

// StreamID is a stream's incarnation: random at creation, never reused, so that a stream deleted and created again under
// its old name is another stream.
type StreamID [16]byte

// Seq numbers the records of a lane from 1. It never repeats, but may have gaps: sequences that a damaged tail may have
// used are never used again. 0 stands before the first record.
type Seq uint64

// LaneID names a lane of a log.
type LaneID struct {
	Stream StreamID
	Number uint32 // 0 on the embedded engine; the partition on Kafka. Derived lanes have the highest bit set
}

// Stream is a stream as the log knows it.
type Stream struct {
	ID      StreamID
	Name    string
	Current Version   // in force for what is appended now
	InUse   []Version // that a record not settled yet may need, oldest first; ends with Current. Not to be changed
}

// Definition is what Define puts in force. The log keeps Data without understanding it.
type Definition struct {
	Stream StreamID
	Name   string // of the stream; may not change
	Logic  uint32 // the partitioner's logic version
	Data   []byte
	Key    DataKeyID // that records are encrypted with; it must be one that the log's keys have

	// Derives gives each lane of the stream a derived lane, for good. The log then keeps room in which records can be
	// derived when it takes none from outside: only so can a full log be emptied.
	Derives bool
}

// Version is a definition in force from one sequence on. It is immutable.
type Version struct {
	Number uint64
	Logic  uint32
	Data   []byte
	Key    DataKeyID
}

// Batch is one request's records.
type Batch struct {
	Stream  StreamID
	Records [][]byte // each at most MaxRecord bytes; an empty record is a record
	Key     Key      // zero for a batch that is stored as often as it is sent
}

// Receipt says where a batch lies: Count records from First on, without a gap.
type Receipt struct {
	Lane      uint32
	First     Seq
	Count     int
	Duplicate bool // the batch was there already; nothing was stored now
}

// Origin tells apart the writers of objects: two logs, or two lives of one log, never share one.
type Origin struct {
	Log   [16]byte // the log's incarnation, random at its creation
	Epoch uint64   // raised and synced each time the lane gets a new owner
}

// LaneInfo is a snapshot of a lane. Everything at or below Cursor is settled; Head is the last durable sequence.
type LaneInfo struct {
	ID     LaneID
	Name   string // of the stream
	Origin Origin
	Head   Seq
	Cursor Seq

	Accepted int64     // records made durable in the lane since the stream's creation; the last of them is at Head
	InUse    []Version // that a record above the cursor may need, oldest first
}

// Entry is one piece of a lane's state. Keys are ordered as bytes.
type Entry struct {
	Key   string
	Value []byte
}

// Change is what one Commit makes durable. Deleting a key that is not there is no error.
type Change struct {
	Put    []Entry
	Delete []string
	// Cursor says that every record at or below it is settled: its blocks may be dropped. It never falls; 0 leaves it.
	Cursor Seq
	// Derived, where set, is appended to the derived lane. The stream's definition must have said that it derives.
	Derived *Derivation
}

// Derivation is what was made of records of a lane.
type Derivation struct {
	Records []Derived // at least one
	Version Version   // that the records they are made of are read under, and so are they; its number never falls
}

// Derived is one record of a derived lane.
type Derived struct {
	Arrival int64 // Unix milliseconds: that of the record it is made of
	Data    []byte
}

// Stats is the state of the whole log and of each stream.
type Stats struct {
	Usage
	Streams map[StreamID]StreamStats
}

// Usage counts since the log's creation unless said otherwise.
type Usage struct {
	Disk    int64  // bytes the log holds on disk now, preallocated space included
	MaxDisk int64  // the bound on Disk; 0 if there is none
	Full    string // why appends are refused now; empty while they are not
	Forming int64  // bytes of memory: records that wait for the next group
	Recent  int64  // bytes of memory: blocks kept for readers that follow closely
	Damaged int64  // damaged ranges that are known, since the log's creation

	Keys             int   // idempotency keys remembered now
	KeysExpiredEarly int64 // since the start: forgotten before their time, for want of room
}

// StreamStats are one stream's books. Pending is what is not settled; it survives restarts with the records. What lies in
// a derived lane is pending and was not accepted again.
type StreamStats struct {
	Accepted      int64 // records made durable
	AcceptedBytes int64
	Pending       int64 // records above the cursors, damaged ones included
	PendingBytes  int64
	OldestArrival time.Time // of the oldest record above the cursor; zero if there is none
	Locked        string    // why records cannot be read now: their data key cannot be had; empty if they can
}

// MaxRecord is the largest record an engine must take, in bytes; MaxDerived the largest that is derived: it may hold the record
// that it is made of, beside what was made of it.
const (
	MaxRecord  = 16 << 20
	MaxDerived = 2 * MaxRecord
)

// Errors that callers tell apart.
var (
	ErrClosed        = errors.New("the buffer is closed")
	ErrUnknownStream = errors.New("the buffer does not know this stream")
)

// FullError refuses an append because the log has reached its share of the disk. It clears by itself as records are
// delivered.
type FullError struct {
	Used, Limit int64 // bytes
	Reason      string
}

func (e *FullError) Error() string {
	return fmt.Sprintf("the buffer is full: %s (%d bytes used, limit %d)", e.Reason, e.Used, e.Limit)
}
