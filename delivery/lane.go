package delivery

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"hydrant/buffer"
	"hydrant/partitioner"
	"hydrant/stream"
)

// lane delivers one track of one lane of the log. One goroutine, run, owns everything but what is said to be shared; uploads run
// beside it and answer on results.
//
// The life of an output: read from the log, taken into the open object of its partition, sealed with it (the manifest is
// durable), uploaded, settled (the delivered mark and the cursor are durable).
type lane struct {
	service *Service
	tracks  *tracks
	track   track
	in      buffer.Lane
	info    buffer.LaneInfo
	after   buffer.Seq // where this life began
	narrow  bool       // this life makes sealed objects again before it reads on
	log     *slog.Logger

	rules   map[uint64]*rules
	version uint64 // of the block read last
	ledger  *ledger
	holdings
	totals Totals
	past   FunctionTotals  // of the function that records went to before this life, on the main track
	damage []buffer.Damage // read past; the cursor has not passed it

	buffering  stream.Buffering // the triggers in force now
	partitions stream.Partitions
	target     buffer.Seq // until the position reaches it nothing is sealed for its age alone
	caughtUp   bool       // target was set because something is due, which is not sealed yet
	held       bool       // at a bound: neither reading nor sealing
	draining   bool       // by Drain
	over       bool       // no record takes the track any more
	nextLook   time.Time  // before it nothing new is due

	scratch     *Scratch  // nil once it has not kept what it was given
	scratchTold time.Time // when it was last said that it takes no more

	overflow overflow

	name    []byte               // of the partition being looked up
	outputs []partitioner.Output // of the record in hand

	results chan result
	uploads sync.WaitGroup
	drained chan struct{} // closed when everything is delivered after Drain
	hurry   *hurry
	done    chan struct{} // closed when run has ended
	looks   chan look

	flushAsked chan flush
	flushes    []flush // that wait to be sealed, or for room; in the order of their sequences

	samples samples
	kept    *target // that the last upload went to; guarded by the service's mu

	failures failures
	active   atomic.Int64 // objects open now; shared

	shared struct {
		sync.Mutex
		totals  Totals
		past    FunctionTotals
		trouble *Trouble
		telling telling
		uploads map[*object]time.Time // attempts under way, since when
		address string                // that the last attempt went to
		store   string                // that was there
	}
}

// holdings are a lane's objects, each from its first output until it is settled.
type holdings struct {
	open       openList
	filled     []*object // by the record in hand
	closing    []*object // closed; their manifests are not durable yet
	sealed     map[*object]struct{}
	waiting    int // sealed objects that are not delivered yet
	rebuilding rebuilding
	atWork     []*chunk // being compressed, in the order in which they were cut
	stored     int64    // bytes of the sealed objects, wherever they lie
	memory     int64    // of all these objects
}

// newLane returns a lane that delivers what lies above a cursor.
func newLane(t *tracks, way track, cursor buffer.Seq) *lane {
	s, info := t.service, t.in.Info()
	log := s.deps.Log.With("stream", info.Name)
	if way == backupTrack {
		log = log.With("backup", true)
	}
	return &lane{
		service: s,
		tracks:  t,
		track:   way,
		in:      t.in,
		info:    info,
		after:   cursor,
		log:     log,
		rules:   map[uint64]*rules{},
		scratch: s.deps.Scratch,
		ledger:  newLedger(cursor),
		target:  info.Head,
		results: make(chan result, s.cfg.Waiting),
		drained: make(chan struct{}),
		hurry:   newHurry(),
		done:    make(chan struct{}),
		looks:   make(chan look),

		holdings:   holdings{open: newOpenList(), sealed: map[*object]struct{}{}},
		flushAsked: make(chan flush),
	}
}

// run is the whole of delivery for one lane.
func (l *lane) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer l.forget()
	defer l.uploads.Wait()
	defer cancel()
	l.service.refused.restore(l.in)
	if err := l.recover(ctx); err != nil {
		return err
	}
	blocks := l.service.readAhead(ctx, l.in, l.ledger.position, l.keying())
	defer blocks.wait()
	defer cancel()
	return l.loop(ctx, blocks)
}

// loop waits for one thing after another, does what that asks for, and then what flushes and a drain still ask for. It ends
// well once no record takes the track any more.
func (l *lane) loop(ctx context.Context, blocks *reader) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	drain := l.service.drainOf(l.info.ID)
	for !l.over {
		incoming := blocks.ready
		if l.hold() {
			incoming = nil
		}
		l.setTimer(timer)
		var err error
		select {
		case next := <-incoming:
			err = l.receive(ctx, next)
			blocks.giveBack(next)
		case err = <-blocks.failed:
		case r := <-l.results:
			err = l.settleAndSeal(ctx, r)
		case <-timer.C:
			l.retune()
			err = l.sealDue(ctx)
		case look := <-l.looks:
			look.answer <- l.openPartitions(look.limit)
		case f := <-l.flushAsked:
			l.flushes = f.begin(l.flushes, l.in.Info().Head)
		case <-drain:
			drain, l.draining = nil, true
			l.target = l.in.Info().Head
		case <-l.hurry.changed:
			l.target = l.in.Info().Head
		case <-ctx.Done():
			return ctx.Err()
		}
		if err == nil {
			err = l.finishFlushes(ctx)
		}
		if err == nil {
			err = l.finishDrain(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// receive takes a block, or goes on behind a damaged range.
func (l *lane) receive(ctx context.Context, next item) error {
	if next.block == nil {
		return l.passDamage(ctx, next.damage)
	}
	return l.take(ctx, next)
}

// forget lets go of all memory and scratch at the lane's end.
func (l *lane) forget() {
	l.service.uploads.forget(l.sharer())
	l.account(-l.memory)
	l.countOpen(-l.open.len)
	for o := range l.unfinished() {
		o.forget(l.scratch)
	}
	for _, o := range l.closing {
		o.forget(l.scratch)
	}
	for o := range l.sealed {
		o.forget(l.scratch)
	}
}

// hold reports whether the lane is at a bound: too many sealed objects wait for their destination, or too large ones, or
// all objects take too much memory. The backlog waits in the log then, and what piled up is read before age counts again.
func (l *lane) hold() bool {
	if l.waiting > 0 && l.crowded() {
		l.spillLargest() // others may have taken what was left
	}
	held := l.full() || l.waiting > 0 && (l.crowded() || l.crammed())
	// A reader that has not caught up yet goes on to where it was to get, and what is due then is sealed as there is room:
	// were that moved on each time, a load that the destination can hardly take would keep it waiting for ever.
	if l.held && !held && !l.caughtUp && l.ledger.position >= l.target {
		l.target = l.in.Info().Head
	}
	l.held = held
	return held
}

// retuneEvery is how soon a lane that reads nothing takes up a definition that was changed.
const retuneEvery = time.Second

// setTimer wakes the loop when the oldest open object is due, and before that to see whether it is due earlier now. An idle
// lane has no timer.
func (l *lane) setTimer(timer *time.Timer) {
	if l.held || l.open.len == 0 || l.ledger.position < l.target {
		timer.Stop()
		return
	}
	now := time.Now()
	timer.Reset(max(min(l.dueIn(now), retuneEvery), l.nextLook.Sub(now), time.Millisecond))
}

func (l *lane) interval() time.Duration { return time.Duration(l.buffering.Interval) }

// startOthers has the other tracks that a version's records take served, from a cursor on.
func (l *lane) startOthers(ctx context.Context, r *rules, after buffer.Seq) {
	if r.stream.Backup != nil {
		l.tracks.startBackup(ctx, after)
	}
	if r.stream.Transform != nil {
		l.tracks.startFunction(ctx, after)
	}
}

// leave ends a track that no record takes any more.
func (l *lane) leave(ctx context.Context) error {
	l.over = true
	l.service.forgetLane(l.key())
	l.sayDrained()
	return l.commit(ctx, buffer.Change{Cursor: l.tracks.others(l.track)})
}

// keying is who may partition the lane's blocks beside it. What was derived is not read as records are.
func (l *lane) keying() *keying {
	if l.info.ID.IsDerived() {
		return nil
	}
	return &keying{track: l.track}
}

// passOver moves the cursor over records whose outputs the last life of the lane delivered.
func (l *lane) passOver(ctx context.Context) error {
	if !l.empty() || l.ledger.position == l.ledger.cursor {
		return nil
	}
	if err := l.move(ctx, l.advance()); err != nil {
		return err
	}
	l.publishTotals()
	return nil
}

// empty reports whether the lane holds nothing that is to be delivered.
func (l *lane) empty() bool {
	return l.open.len == 0 && l.waiting == 0 && len(l.rebuilding.objects) == 0
}

// countOpen notes that objects were opened or closed.
func (l *lane) countOpen(n int) {
	l.active.Add(int64(n))
	l.service.open.Add(int64(n))
}

// account notes a change of the memory that the lane's objects hold.
func (l *lane) account(bytes int64) {
	l.memory += bytes
	l.service.memory.Add(bytes)
}
