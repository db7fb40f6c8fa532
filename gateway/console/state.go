package console

import "time"

// NodeState is a node as it is now.
type NodeState struct {
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	Revision string    `json:"revision"`
	Go       string    `json:"go"`
	Started  time.Time `json:"started"`
	Failing  []Failing `json:"failing"` // what /readyz says; empty if the node is ready

	Disk         int64   `json:"disk_bytes"`
	MaxDisk      int64   `json:"max_disk_bytes"`
	Memory       int64   `json:"memory_bytes"` // held by the process
	MemoryUsed   int64   `json:"memory_used_bytes"`
	MemoryBudget int64   `json:"memory_budget_bytes"`
	Sync         float64 `json:"sync_seconds"`     // mean since the sample before; 0 if there was none
	SlowestSync  float64 `json:"sync_max_seconds"` // of the same time
	Uploading    int     `json:"uploading"`
	Damaged      int64   `json:"damaged_ranges"`
}

// Failing is why a node is not ready.
type Failing struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Stream is a stream as it is now. Numbers of records and bytes are totals since its creation.
type Stream struct {
	Name        string        `json:"name"`
	Version     uint64        `json:"version"`
	Configured  bool          `json:"configured"` // in the file, else made through the API
	Accepting   bool          `json:"accepting"`
	Encrypted   bool          `json:"encrypted"`
	Destination string        `json:"destination"`
	Interval    time.Duration `json:"-"`

	Accepted       int64            `json:"accepted"`
	AcceptedBytes  int64            `json:"accepted_bytes"`
	Delivered      int64            `json:"delivered"`
	DeliveredBytes int64            `json:"delivered_bytes"`
	Objects        int64            `json:"objects"`
	Dropped        int64            `json:"dropped"`
	Quarantined    int64            `json:"quarantined"`
	Errors         map[string]int64 `json:"errors"` // records in the error output, by type
	Pending        int64            `json:"pending"`
	PendingBytes   int64            `json:"pending_bytes"`
	Oldest         time.Time        `json:"-"` // arrival of the oldest undelivered record; zero if there is none
	Troubles       []Trouble        `json:"troubles"`
	Failing        *FailingRecords  `json:"failing,omitempty"` // nil where all could be processed lately
}

// Trouble is why a stream does not deliver, or takes no records.
type Trouble struct {
	Reason  string    `json:"reason"`
	Since   time.Time `json:"since,omitzero"`
	Stopped bool      `json:"stopped,omitempty"` // until somebody has looked; else it resumes by itself
	Backup  bool      `json:"backup,omitempty"`
	Slow    bool      `json:"slow,omitempty"` // it does deliver, or may yet
}

// FailingRecords says why records went to the error output lately.
type FailingRecords struct {
	Code    string    `json:"code"`
	Message string    `json:"message"` // of the last one
	Count   int64     `json:"count"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
}

// States of a stream.
const (
	stateIdle       = "idle"
	stateDelivering = "delivering"
	stateLate       = "late"    // older than its interval explains, and nobody knows why
	stateSlow       = "slow"    // an upload takes long
	stateFailing    = "failing" // tried again and again
	stateStopped    = "stopped"
	stateDraining   = "draining" // takes no more records
)

// lateness is how much longer than its interval a record may wait before the stream counts as late.
const lateness = time.Minute

// state sums a stream up in a word.
func (s *Stream) state(now time.Time) string {
	stopped, failing, slow := false, false, false
	for _, t := range s.Troubles {
		stopped = stopped || t.Stopped
		failing = failing || !t.Backup && !t.Slow
		slow = slow || !t.Backup && t.Slow
	}
	switch {
	case stopped:
		return stateStopped
	case failing:
		return stateFailing
	case !s.Accepting:
		return stateDraining
	case slow:
		return stateSlow
	case !s.Oldest.IsZero() && now.Sub(s.Oldest) > s.Interval+lateness:
		return stateLate
	case s.Pending > 0:
		return stateDelivering
	}
	return stateIdle
}

// age is how long the oldest undelivered record waits, in seconds.
func (s *Stream) age(now time.Time) float64 {
	if s.Oldest.IsZero() {
		return 0
	}
	return max(0, now.Sub(s.Oldest).Seconds())
}

// failures are all records in the error output.
func (s *Stream) failed() (n int64) {
	for _, errors := range s.Errors {
		n += errors
	}
	return n
}
