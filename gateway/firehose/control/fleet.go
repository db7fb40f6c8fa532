package control

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	randv2 "math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"hydrant/gateway/ingest"
	"hydrant/stream/definitions"
)

// Times of a fleet.
const (
	lookEvery   = 2 * time.Second        // on average, at what other nodes have changed
	lookSpacing = 200 * time.Millisecond // at least, between two looks for streams that producers name and nobody knows
	settling    = 10 * time.Second       // a deleted stream is kept at least, so that each node sees how it ends
	busyEvery   = 15 * time.Second       // a node says so often that it holds something of a deleted stream
	busyAlive   = time.Minute            // without a word for so long, a node is not waited for
)

// fleet is what a node knows of the others. Its store is nil on a node that is alone. Fields without a lock of their own
// belong to the holder of Plane.changing.
type fleet struct {
	shared definitions.Shared
	node   string // this life of this node

	asked  atomic.Uint64 // looks that were asked for
	looked uint64        // of them, those that the last look answers
	failed error         // how it ended
	began  atomic.Int64  // when, as UnixNano
	found  atomic.Int64  // when the last one that succeeded began
	told   bool          // that looks fail
	behind bool          // not all that is known is in force: put it in force again

	departures map[string]*departure
	unreadable map[string]definitions.Version // documents that another version of this program wrote, which was told
}

// departure is what this node has seen of a stream that is being deleted.
type departure struct {
	incarnation string
	since       time.Time
	said        time.Time            // when this node last said that it is busy
	counts      map[string]uint64    // of other nodes
	changed     map[string]time.Time // when each was seen to change
}

// departure begins anew where the stream is another one of that name.
func (f *fleet) departure(r *record, now time.Time) *departure {
	d := f.departures[r.Name]
	if d == nil || d.incarnation != r.Incarnation {
		d = &departure{incarnation: r.Incarnation, since: now, counts: map[string]uint64{}, changed: map[string]time.Time{}}
		f.departures[r.Name] = d
	}
	return d
}

// othersBusy notes what the nodes say, and reports whether one beside self says that it holds something, and is alive: what it
// counts has changed within busyAlive.
func (d *departure) othersBusy(r *record, self string, now time.Time) (busy bool) {
	for node, count := range r.Busy {
		if d.counts[node] != count {
			d.counts[node], d.changed[node] = count, now
		}
		busy = busy || node != self && now.Sub(d.changed[node]) < busyAlive
	}
	return busy
}

func newFleet(store definitions.Store) fleet {
	shared, _ := store.(definitions.Shared)
	return fleet{shared: shared, node: rand.Text(), departures: map[string]*departure{}}
}

// LookAge is how long ago the last successful look at the fleet's store began. It is 0 on a node that is alone.
func (p *Plane) LookAge() time.Duration {
	if p.fleet.shared == nil {
		return 0
	}
	return time.Since(time.Unix(0, p.fleet.found.Load()))
}

// load takes over what the store holds, at a start from what this node knew last where the store does not answer.
func (p *Plane) load(ctx context.Context) error {
	documents, err := p.deps.Store.Load(ctx)
	if documents == nil && err != nil && p.fleet.shared != nil && p.records == nil {
		p.fleet.began.Store(time.Now().UnixNano())
		p.fleet.found.Store(time.Now().UnixNano())
		p.deps.Log.Error("the store of the fleet's streams does not answer: those that this node knew last are served", "error", err)
		documents, err = p.fleet.shared.Kept(ctx)
		if documents == nil {
			p.deps.Log.Warn("no streams of the fleet are known yet", "reason", err)
			documents, err = map[string]definitions.Document{}, nil
		}
	}
	if documents == nil && err != nil {
		return err
	}
	if err != nil {
		p.deps.Log.Error("not all definitions of streams made through the API can be read", "error", err)
	}
	_, err = p.adopt(documents, len(definitions.Unreadable(err)))
	return err
}

// adopt makes the documents known, beside which there are some that are damaged, and reports whether any of them is new. Of a
// fleet, one that another version of this program wrote is left as it was, for a newer node may be among older ones.
func (p *Plane) adopt(documents map[string]definitions.Document, damaged int) (changed bool, err error) {
	records, unreadable := map[string]*record{}, map[string]definitions.Version{}
	for name, document := range documents {
		before := p.record(name)
		if before != nil && before.at == document.Version {
			records[name] = before
			continue
		}
		if version, told := p.fleet.unreadable[name]; !told || version != document.Version {
			changed = true
			r, err := decodeRecord(name, document)
			if err == nil {
				records[name] = r
				continue
			}
			if p.fleet.shared == nil {
				return false, fmt.Errorf("the definition of stream %s cannot be read: %w", name, err)
			}
			p.deps.Log.Error("the definition of a stream cannot be read; what was known of it stays in force", "stream", name, "error", err)
		}
		damaged++
		unreadable[name] = document.Version
		if before != nil {
			records[name] = before
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	changed = changed || len(records) != len(p.records)
	p.records, p.damaged, p.fleet.unreadable = records, damaged, unreadable
	return changed, nil
}

// look brings in force what the store holds at some moment after the call. Calls share looks.
func (p *Plane) look(ctx context.Context) error { return p.lookFor(ctx, p.fleet.asked.Add(1)) }

// lookFor is look for one who has asked before.
func (p *Plane) lookFor(ctx context.Context, number uint64) error {
	if err := p.changing.lockWithin(ctx); err != nil {
		return err
	}
	defer p.changing.Unlock()
	f := &p.fleet
	if f.looked >= number {
		return f.failed
	}
	began := time.Now()
	f.looked = f.asked.Load()
	f.began.Store(began.UnixNano())
	f.failed = p.refresh(ctx)
	if f.failed == nil {
		f.found.Store(began.UnixNano())
	}
	p.tell(f.failed)
	return f.failed
}

// refresh looks. Called with changing held.
func (p *Plane) refresh(ctx context.Context) error {
	documents, err := p.fleet.shared.Load(ctx)
	if err != nil {
		return err
	}
	changed, err := p.adopt(documents, 0)
	if err != nil || !changed && !p.fleet.behind {
		return err
	}
	p.wakeLeaving()
	return p.serve(ctx)
}

// tell says when looks begin to fail, and when they succeed again.
func (p *Plane) tell(err error) {
	switch {
	case err != nil && !p.fleet.told:
		p.deps.Log.Error("the store of the fleet's streams cannot be looked at: those that are known stay in force, and none can be changed", "error", err)
	case err == nil && p.fleet.told:
		p.deps.Log.Info("the store of the fleet's streams answers again")
	}
	p.fleet.told = err != nil
}

// notServed reports whether a definition that is good is not in force yet. Called with changing held.
func (p *Plane) notServed() bool {
	served := map[string]bool{}
	for _, s := range p.deps.Node.Streams() {
		served[s.Definition.Name] = s.Configured || s.Definition.Incarnation == p.incarnation(s.Definition.Name)
	}
	return slices.ContainsFunc(p.all(), func(r *record) bool {
		_, err := p.definition(r)
		return r.Leaving == "" && err == nil && !served[r.Name]
	})
}

func (p *Plane) incarnation(name string) string {
	if r := p.record(name); r != nil {
		return r.Incarnation
	}
	return ""
}

// keepLooking looks every lookEvery, more or less, so that the nodes of a fleet don't look together.
func (p *Plane) keepLooking(ctx context.Context) {
	for {
		select {
		case <-time.After(lookEvery/2 + randv2.N(lookEvery)):
			_ = p.look(ctx) // told
		case <-ctx.Done():
			return
		}
	}
}

// Find looks for a stream that this node does not know. Many producers may ask at once, and again and again, for one that
// does not exist: looks are lookSpacing apart.
func (p *Plane) Find(ctx context.Context) error {
	if p.fleet.shared == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	number := p.fleet.asked.Add(1)
	wait := lookSpacing - time.Since(time.Unix(0, p.fleet.began.Load()))
	select {
	case <-time.After(wait):
		return p.lookFor(ctx, number)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reading are the operations that change nothing: while the store does not answer they tell what is known.
var reading = []string{"DescribeDeliveryStream", "ListDeliveryStreams", "ListTagsForDeliveryStream"}

// lookFirst has an operation see what other nodes have answered before it was called.
func (p *Plane) lookFirst(ctx context.Context, operation string) error {
	if p.fleet.shared == nil {
		return nil
	}
	if err := p.look(ctx); err != nil && !slices.Contains(reading, operation) {
		return &ingest.Error{
			Code: ingest.DefinitionsAway, RetryAfter: time.Second, Cause: err,
			Detail: "the store of the fleet's streams does not answer; nothing has changed; try again",
		}
	}
	return nil
}

// othersDone reports whether a stream that is being deleted may be forgotten: this node holds nothing of it any more, no
// other one says that it does, and every node has had the time to see how it ends. Called with changing held.
func (p *Plane) othersDone(ctx context.Context, r *record, done bool) (bool, error) {
	now := p.deps.Now()
	d := p.fleet.departure(r, now)
	_, said := r.Busy[p.fleet.node]
	if done && said || !done && now.Sub(d.said) >= busyEvery {
		d.said = now
		return false, p.sayBusy(ctx, r, !done)
	}
	if others := d.othersBusy(r, p.fleet.node, now); !done || others || now.Sub(d.since) < settling {
		return false, nil
	}
	delete(p.fleet.departures, r.Name)
	return true, nil
}

// sayBusy tells the other nodes whether this one holds something of a stream that is being deleted.
func (p *Plane) sayBusy(ctx context.Context, r *record, busy bool) error {
	after := *r
	after.Busy = maps.Clone(r.Busy)
	if busy {
		if after.Busy == nil {
			after.Busy = map[string]uint64{}
		}
		after.Busy[p.fleet.node]++
	} else {
		delete(after.Busy, p.fleet.node)
	}
	if err := p.put(ctx, &after); !errors.Is(err, definitions.ErrConflict) {
		return err
	}
	return nil // what is there now is known, and the next step sees it
}
