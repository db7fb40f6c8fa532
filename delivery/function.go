package delivery

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"hydrant/buffer"
	"hydrant/delivery/transform"
	"hydrant/partitioner"
)

// function is the way of a lane's records to their stream's function: a track that makes no objects, but the records of the
// derived lane, which is delivered like any other. One goroutine, run, owns everything but what is said to be shared; calls
// run beside it.
//
// The life of a record: read from the log, taken apart, given to the function in a batch, and, in the order of the lane,
// journaled: what was made of it becomes durable with the very change that says the track is done with it. Until then a
// crash has the function called again; from then on nothing does.
type function struct {
	service *Service
	tracks  *tracks
	in      buffer.Lane
	info    buffer.LaneInfo
	log     *slog.Logger

	rules map[uint64]*functionRules
	queue []*call // in the order of the lane; the last one may still be forming
	held  []*call // answered, and their last record is not whole yet
	bytes int64   // of the records in queue
	calls sync.WaitGroup

	block  *buffer.Block // being taken apart
	read   item          // that it came as
	next   func() (buffer.Record, bool)
	stop   func()
	pieces []partitioner.Piece

	began    buffer.Seq // above it this life reads
	position buffer.Seq // the last record that was taken apart
	waiting  []flush    // flushes that are not journaled yet
	totals   FunctionTotals

	settled  chan struct{} // told that what reconcile looks at has changed
	draining bool          // by Drain
	drained  chan struct{} // closed when everything is journaled after Drain
	hurry    *hurry
	flushes  chan flush    // asked for
	done     chan struct{} // closed when run has ended

	kept *invoker // that the last call went to; guarded by the service's mu

	shared struct {
		sync.Mutex
		totals  FunctionTotals
		trouble *Trouble
	}
}

func newFunction(t *tracks, cursor buffer.Seq) *function {
	info := t.in.Info()
	return &function{
		service: t.service, tracks: t, in: t.in, info: info, position: cursor,
		log:     t.service.deps.Log.With("stream", info.Name),
		rules:   map[uint64]*functionRules{},
		settled: make(chan struct{}, 1),
		drained: make(chan struct{}), hurry: newHurry(), done: make(chan struct{}),
		flushes: make(chan flush),
	}
}

// run gives the lane's records to the function until ctx ends.
func (f *function) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer func() { f.service.memory.Add(-f.bytes) }()
	defer f.calls.Wait()
	defer cancel()
	if err := f.reached(ctx, f.position, f.in.Info().Cursor); err != nil {
		return err
	}
	blocks := f.service.readAhead(ctx, f.in, f.position, nil)
	defer blocks.wait()
	defer cancel()
	defer func() {
		if f.stop != nil {
			f.stop()
		}
	}()
	return f.loop(ctx, blocks)
}

// restore takes up where the last life of the track was.
func (f *function) restore() error {
	for key, value := range f.in.State() {
		if key != functionTrack.key(totalsKey) {
			continue
		}
		if err := f.totals.decode(value); err != nil {
			return err
		}
	}
	f.position = max(f.position, f.totals.Cursor)
	f.began = f.position
	f.publish()
	return nil
}

// loop does what can be done at once, and then waits for one thing that brings more to do.
func (f *function) loop(ctx context.Context, blocks *reader) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	drain := f.service.drain
	for {
		if err := f.advance(ctx, blocks); err != nil {
			return err
		}
		incoming := blocks.ready
		if f.block != nil || !f.room() {
			incoming = nil
		}
		f.setTimer(timer)
		var err error
		select {
		case next := <-incoming:
			if err = f.open(ctx, next); next.block == nil {
				blocks.giveBack(next)
			}
		case err = <-blocks.failed:
		case <-f.answered():
			err = f.journal(ctx)
		case <-timer.C:
		case <-f.settled:
		case w := <-f.flushes:
			f.waiting = w.begin(f.waiting, f.in.Info().Head)
		case <-drain:
			drain, f.draining = nil, true
		case <-f.hurry.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// advance takes apart what there is room for, starts the calls that are full or due, and answers flushes and a drain whose
// records are journaled. It waits for nothing but the log's commits.
func (f *function) advance(ctx context.Context, blocks *reader) error {
	for f.block != nil && f.room() {
		if err := f.takeNext(blocks); err != nil {
			return err
		}
	}
	if err := f.reconcile(ctx); err != nil {
		return err
	}
	hurried := (f.draining || f.hurry.on.Load()) && f.position >= f.in.Info().Head
	f.closeFlushed()
	f.start(ctx, hurried)
	f.answerFlushes()
	if f.draining && hurried && len(f.queue) == 0 {
		sayDone(f.drained)
	}
	return nil
}

// room reports whether more records may be taken apart: twice as many bytes may wait as the function is given at once.
func (f *function) room() bool {
	if len(f.queue) == 0 {
		return true
	}
	t := f.queue[len(f.queue)-1].rules.current()
	return f.bytes < 2*int64(t.Concurrency)*int64(t.Buffering.Size) && len(f.queue) <= 2*t.Concurrency
}

// open takes a block in hand, or goes on behind a damaged range.
func (f *function) open(ctx context.Context, next item) error {
	if next.block == nil {
		return f.passDamage(ctx, next.damage)
	}
	r, err := f.rulesOf(next.block.Version)
	if err != nil {
		return err
	}
	f.block, f.read = next.block, next
	if r.function == nil { // its records take the main track
		last := f.block.Last()
		f.next, f.stop = func() (buffer.Record, bool) { return buffer.Record{}, false }, func() {}
		return f.pass(ctx, last)
	}
	f.next, f.stop = iter.Pull(f.block.Records())
	return nil
}

// takeNext takes the next record of the block apart.
func (f *function) takeNext(blocks *reader) error {
	record, ok := f.next()
	if !ok {
		f.stop()
		blocks.giveBack(f.read)
		f.block, f.stop = nil, nil
		return nil
	}
	if record.Seq <= f.position {
		return nil
	}
	r, err := f.rulesOf(f.block.Version)
	if err != nil {
		return err
	}
	f.pieces = r.partitioner.Split(f.pieces[:0], record.Data)
	c, whole := f.forming(r)
	for i := range f.pieces {
		if !whole && !c.takes(&f.pieces[i]) {
			c = f.newCall(r)
		}
		c.add(f, record.Arrival, &f.pieces[i])
	}
	c.to = record.Seq
	c.passed++
	if len(f.pieces) == 0 {
		c.dropped++
	}
	f.position = record.Seq
	return nil
}

// forming is the call that the pieces in hand go into: the last one if it takes the whole record, or else a new one, and as
// many behind it as it fills. What is whole in a call is journaled with the call: no part of another record may be in it.
func (f *function) forming(r *functionRules) (c *call, whole bool) {
	if n := len(f.queue); n > 0 && f.queue[n-1].takesAll(r, f.pieces) {
		return f.queue[n-1], true
	}
	return f.newCall(r), false
}

func (f *function) newCall(r *functionRules) *call {
	c := &call{rules: r, opened: time.Now(), done: make(chan struct{}), size: transform.RequestFrame}
	f.queue = append(f.queue, c)
	return c
}

// pass goes on behind what is not for the function. It need not be durable: the next life comes to the same.
func (f *function) pass(ctx context.Context, to buffer.Seq) error {
	f.position = max(f.position, to)
	if n := len(f.queue); n > 0 {
		f.queue[n-1].behind = f.position // reached once that is journaled
		f.queue[n-1].closed = true
		return nil
	}
	return f.reached(ctx, f.position, f.in.Info().Cursor)
}

// reached tells the other tracks that this one is settled up to own. The log's cursor was seen at before.
func (f *function) reached(ctx context.Context, own, before buffer.Seq) error {
	f.tracks.reach(functionTrack, own)
	if now := f.tracks.joint(functionTrack, own); now > before {
		return commit(ctx, f.in, f.log, buffer.Change{Cursor: now})
	}
	return nil
}

// start calls the function with what is full or due, as often at once as it may be.
func (f *function) start(ctx context.Context, hurried bool) {
	running := 0
	for _, c := range f.queue {
		if running == c.rules.current().Concurrency {
			return
		}
		if !c.started && (c != f.queue[len(f.queue)-1] || hurried || c.isDue()) {
			c.started = true
			f.calls.Go(func() { c.run(ctx) })
		}
		if c.started && !c.isDone() {
			running++
		}
	}
}

// setTimer wakes the loop when the call that is forming is due, and before that to see whether it is due earlier now.
func (f *function) setTimer(timer *time.Timer) {
	if n := len(f.queue); n > 0 && !f.queue[n-1].started {
		timer.Reset(max(min(f.queue[n-1].dueIn(), retuneEvery), time.Millisecond))
		return
	}
	timer.Stop()
}

// answered is closed when the oldest call has its answer; nil where there is none.
func (f *function) answered() <-chan struct{} {
	if len(f.queue) == 0 {
		return nil
	}
	return f.queue[0].done
}

// troubled is told why the function is not to be had, and of nil once it is.
func (f *function) troubled(err error) {
	f.shared.Lock()
	defer f.shared.Unlock()
	if err == nil {
		f.shared.trouble = nil
		return
	}
	if f.shared.trouble == nil {
		f.shared.trouble = &Trouble{Stream: f.info.Name, Since: time.Now()}
		f.log.Warn("the function is not to be had: records wait in the buffer, and the call is tried again", "error", err)
	}
	f.shared.trouble.Reason = "function: " + err.Error()
}

// ended says that the function is not called any more.
func (f *function) ended(err error) {
	f.troubled(err)
	f.shared.Lock()
	defer f.shared.Unlock()
	f.shared.trouble.Stopped = true
}

// awaitDrained returns when everything that the log held is journaled.
func (f *function) awaitDrained(ctx context.Context) error {
	return awaitDrained(ctx, f.drained, f.done, fmt.Errorf("stream %s is not delivered: its function is not called any more", f.info.Name))
}

func (f *function) trouble() *Trouble {
	f.shared.Lock()
	defer f.shared.Unlock()
	if f.shared.trouble == nil {
		return nil
	}
	t := *f.shared.trouble
	return &t
}
