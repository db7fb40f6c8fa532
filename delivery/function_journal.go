package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"hydrant/buffer"
)

// FunctionTotals are the books of a lane's function. They are stored with its cursor.
type FunctionTotals struct {
	Passed  int64      `json:"passed"`            // records of the lane that are done with
	Made    int64      `json:"made"`              // records of the derived lane
	Dropped int64      `json:"dropped,omitempty"` // records that were taken apart and left nothing
	Cursor  buffer.Seq `json:"cursor"`

	Quarantined int64 `json:"quarantined,omitempty"` // records of the lane lost to damage before they were given to the function
}

// totals are the function's part of a stream's books: what it made is pending until the derived lane has settled it.
func (t FunctionTotals) totals() Totals {
	return Totals{Dropped: t.Dropped, Expanded: t.Made - (t.Passed - t.Dropped), Quarantined: t.Quarantined}
}

// journal makes what the oldest call made of its records durable, and with it that the track is done with them. A record
// that was taken apart over several calls waits for the last of them.
func (f *function) journal(ctx context.Context) error {
	c := f.queue[0]
	if c.err != nil {
		return c.err
	}
	f.queue = slices.Delete(f.queue, 0, 1)
	f.held = append(f.held, c)
	if c.to == 0 {
		return nil
	}
	functionAnswered.Reach()
	change, own, done := f.change()
	if err := commit(ctx, f.in, f.log, change); err != nil {
		return fmt.Errorf("journal what the function made of records up to %d: %w", own, err)
	}
	functionDerived.Reach()
	f.service.deps.Metrics.transformed(f.info.Name, done)
	for _, c := range done {
		f.bytes -= c.bytes
		f.service.memory.Add(-c.bytes)
	}
	clear(f.held)
	f.held = f.held[:0]
	f.publish()
	return f.reached(ctx, own, change.Cursor)
}

// change is what journals the calls that are held.
func (f *function) change() (c buffer.Change, own buffer.Seq, done []*call) {
	d := &buffer.Derivation{Version: f.held[0].rules.version}
	for _, one := range f.held {
		for i := range one.outcomes {
			d.Records = append(d.Records, buffer.Derived{Arrival: one.arrivals[i], Data: one.outcomes[i].Append(nil)})
		}
		f.totals.Passed += one.passed
		f.totals.Dropped += one.dropped
		f.totals.Quarantined += one.lost
		own = max(own, one.to, one.behind)
	}
	f.totals.Made += int64(len(d.Records))
	f.totals.Cursor = own
	if len(d.Records) > 0 {
		c.Derived = d
	}
	c.Cursor = f.tracks.joint(functionTrack, own)
	c.Put = []buffer.Entry{f.totals.entry()}
	return c, own, slices.Clone(f.held)
}

func (t *FunctionTotals) entry() buffer.Entry {
	data, err := json.Marshal(t)
	if err != nil {
		panic("delivery: totals are always JSON: " + err.Error()) // numbers only
	}
	return buffer.Entry{Key: functionTrack.key(totalsKey), Value: data}
}

func (t *FunctionTotals) decode(data []byte) error {
	if err := json.Unmarshal(data, t); err != nil {
		return fmt.Errorf("the totals of the function are damaged: %w", err)
	}
	return nil
}

func (f *function) publish() {
	f.shared.Lock()
	defer f.shared.Unlock()
	f.shared.totals = f.totals
}

func (f *function) books() FunctionTotals {
	f.shared.Lock()
	defer f.shared.Unlock()
	return f.shared.totals
}
