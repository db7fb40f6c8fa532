package delivery

import (
	"context"
	"time"

	"hydrant/buffer"
	"hydrant/delivery/transform"
	"hydrant/partitioner"
)

// call is a batch of records on its way to the function and back.
type call struct {
	rules    *functionRules
	records  []transform.Record
	outcomes []partitioner.Outcome // of what did not even go to the function, before it is called; in the end of all
	arrivals []int64               // of the outcomes
	failed   []bool                // of the outcomes: it did not go to the function

	bytes           int64      // of records
	size            int        // of the request, at most
	to              buffer.Seq // the last record of the lane that is whole with this call; 0 where none is
	behind          buffer.Seq // what is passed over behind it
	passed, dropped int64      // of the lane's records
	lost            int64      // of them, to damage behind it

	opened  time.Time
	closed  bool // takes no more
	started bool
	done    chan struct{} // closed when outcomes and err are final
	err     error
}

// takesAll reports whether the call may have the pieces of another record, all of them.
func (c *call) takesAll(r *functionRules, pieces []partitioner.Piece) bool {
	if c.rules != r || c.closed || c.started {
		return false
	}
	after := call{rules: r, bytes: c.bytes, size: c.size}
	for i := range pieces {
		if !after.takes(&pieces[i]) {
			return false
		}
		after.weigh(&pieces[i])
	}
	return true
}

// takes reports whether the call has room for another piece.
func (c *call) takes(p *partitioner.Piece) bool {
	return p.Failed != nil || c.size == transform.RequestFrame || !c.isFull() && c.size+transform.RequestSize(p.Data) <= transform.MaxPayload
}

// weigh counts a piece.
func (c *call) weigh(p *partitioner.Piece) {
	if p.Failed != nil {
		c.bytes += int64(len(p.Failed.Raw))
		return
	}
	c.size += transform.RequestSize(p.Data)
	c.bytes += int64(len(p.Data))
}

func (c *call) isFull() bool { return c.bytes >= int64(c.rules.current().Buffering.Size) }

// add copies a piece.
func (c *call) add(f *function, arrival int64, p *partitioner.Piece) {
	c.arrivals = append(c.arrivals, arrival)
	before := c.bytes
	if p.Failed != nil {
		o := *p.Failed
		o.Raw = append([]byte(nil), o.Raw...)
		c.outcomes, c.failed = append(c.outcomes, o), append(c.failed, true)
	} else {
		r := transform.Record{Arrival: arrival, Data: append([]byte(nil), p.Data...)}
		r.Raw = r.Data
		if &p.Raw != &p.Data && string(p.Raw) != string(p.Data) {
			r.Raw = append([]byte(nil), p.Raw...)
		}
		c.records = append(c.records, r)
		c.outcomes, c.failed = append(c.outcomes, partitioner.Outcome{}), append(c.failed, false)
	}
	c.weigh(p)
	f.bytes += c.bytes - before
	f.service.memory.Add(c.bytes - before)
}

// isDue reports whether the function should be called.
func (c *call) isDue() bool { return c.closed || c.isFull() || c.dueIn() <= 0 }

func (c *call) dueIn() time.Duration {
	return time.Until(c.opened.Add(time.Duration(*c.rules.current().Buffering.Interval)))
}

func (c *call) isDone() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// run calls the function until there is an answer.
func (c *call) run(ctx context.Context) {
	defer close(c.done)
	if len(c.records) == 0 {
		return
	}
	f, i := c.rules.call()
	defer i.leave()
	answers, err := f.Call(ctx, c.records)
	if err != nil {
		c.err = err
		return
	}
	for i := range c.outcomes {
		if !c.failed[i] {
			c.outcomes[i], answers = answers[0], answers[1:]
		}
	}
}
