package console

import (
	"crypto/rand"
	"fmt"
	"sync"
	"time"
)

// Place is where an output of a record goes.
type Place struct {
	Partition string `json:"-"`   // names it within the stream's version
	Key       string `json:"key"` // of the object, with what is not known yet in angle brackets
	Code      string `json:"error_code,omitempty"`
	Message   string `json:"error_message,omitempty"`
	Record    []byte `json:"record"` // as it is delivered, or kept in error output
}

// Receipt says where a record is, durably.
type Receipt struct {
	Lane     uint32
	Sequence uint64
}

// Step is one thing that happened to a test record.
type Step struct {
	Name   string    `json:"name"`
	At     time.Time `json:"at"`
	Detail string    `json:"detail,omitempty"`
}

// Journey is what is known of a test record.
type Journey struct {
	Stream string `json:"stream"`
	Steps  []Step `json:"steps"`
	Done   bool   `json:"done"`
}

// Bounds on what is kept of test records.
const (
	maxFollows = 32
	maxEarly   = 1000 // objects that came while the record was on its way to the disk
)

// follow is a test record on its way, until every output of it is in an object at the destination.
type follow struct {
	journey  Journey
	receipt  Receipt // zero until the record is durable
	durable  bool
	early    []Object
	awaited  map[string]bool // keys of Partition; true once its object is sealed
	expected int             // objects that are not delivered yet
	changed  chan struct{}   // closed and made anew at each step
}

// follows keeps the last test records.
type follows struct {
	mu    sync.Mutex
	byID  map[string]*follow
	order []string
}

// begin follows a record that is about to be sent to a stream.
func (f *follows) begin(stream string, now time.Time) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.order) == maxFollows {
		delete(f.byID, f.order[0])
		f.order = f.order[1:]
	}
	id := rand.Text()
	f.byID[id] = &follow{journey: Journey{Stream: stream, Steps: []Step{{Name: "received", At: now}}}, changed: make(chan struct{})}
	f.order = append(f.order, id)
	return id
}

// forget ends what did not come to be.
func (f *follows) forget(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.byID, id)
	for i, known := range f.order {
		if known == id {
			f.order = append(f.order[:i], f.order[i+1:]...)
			return
		}
	}
}

// stored notes where the record is, and where it may go: each place as of the time before it was stored and after, since
// its arrival lies in between. Places beyond maxPlaces are counted only.
func (f *follows) stored(id string, r Receipt, before, after []Place, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.byID[id]
	if t == nil {
		return // pushed out by others
	}
	t.receipt, t.durable, t.awaited = r, true, map[string]bool{}
	t.step("durable", now, fmt.Sprintf("synced, sequence %d/%d", r.Lane, r.Sequence))
	more := len(after) - maxPlaces
	before, after = before[:min(len(before), maxPlaces)], after[:min(len(after), maxPlaces)]
	outputs := map[string]bool{}
	for i, p := range after {
		outputs[p.Partition] = true
		t.awaited[p.Partition] = false
		if i < len(before) {
			t.awaited[before[i].Partition] = false
		}
		detail := p.Key
		if p.Code != "" {
			detail = fmt.Sprintf("error output, %s: %s; %s", p.Code, p.Message, p.Key)
		}
		t.step("partitioned", now, detail)
	}
	if more > 0 {
		t.step("partitioned", now, fmt.Sprintf("%d more outputs, which are not followed", more))
	}
	t.expected = len(outputs)
	if t.expected == 0 {
		t.step("dropped", now, "processing leaves nothing of the record")
		t.journey.Done = true
	}
	for _, o := range t.early {
		t.see(o)
	}
	t.early = nil
}

// tell passes news of an object on to whom it concerns.
func (f *follows) tell(o Object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range f.byID {
		switch {
		case t.journey.Done || t.journey.Stream != o.Stream || o.Backup:
		case t.durable:
			t.see(o)
		case len(t.early) < maxEarly:
			t.early = append(t.early, o)
		}
	}
}

func (t *follow) see(o Object) {
	sealed, awaited := t.awaited[o.Partition]
	if !awaited || o.Lane != t.receipt.Lane || t.receipt.Sequence <= o.From || t.receipt.Sequence > o.To {
		return
	}
	if !sealed {
		t.awaited[o.Partition] = true
		at := o.Sealed
		if at.IsZero() {
			at = o.Delivered
		}
		t.step("sealed", at, fmt.Sprintf("by %s, %s in %s", o.Reason, records(o.Records), o.Key))
	}
	if o.Delivered.IsZero() {
		return
	}
	delete(t.awaited, o.Partition)
	t.step("delivered", o.Delivered, o.Key)
	if t.expected--; t.expected == 0 {
		t.journey.Done = true
	}
}

func records(n int64) string {
	if n == 1 {
		return "1 record"
	}
	return fmt.Sprintf("%d records", n)
}

func (t *follow) step(name string, at time.Time, detail string) {
	t.journey.Steps = append(t.journey.Steps, Step{name, at, detail})
	close(t.changed)
	t.changed = make(chan struct{})
}

// look returns a test record's journey, and a channel that is closed when there is more of it.
func (f *follows) look(id string) (Journey, <-chan struct{}, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.byID[id]
	if t == nil {
		return Journey{}, nil, false
	}
	j := t.journey
	j.Steps = append([]Step{}, j.Steps...)
	return j, t.changed, true
}
