package delivery

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"hydrant/buffer"
	"hydrant/stream"
)

// Config says whose streams they are and bounds what delivery holds. The zero value means the defaults.
type Config struct {
	Account string // of the streams' ARNs, as functions are told them
	Region  string // of the same
	Node    string // this node's name and place, for other nodes' operators; a life that ended at the same place need not be waited for
	Memory  int64  // bytes of open and sealed objects, all lanes together; 256 MiB
	Uploads int    // at once, all lanes together, shared out fairly; 4
	Waiting int    // sealed objects of one lane that wait for their destination; 32. At the bound the lane stops sealing and reading: the backlog waits in the log, and an outage does not become an avalanche of small objects

	// WaitingBytes bounds the same in bytes as compressed, overshot by one object at most; 1 GiB.
	WaitingBytes int64
}

func (c Config) withDefaults() Config {
	if c.Memory == 0 {
		c.Memory = 256 << 20
	}
	if c.Uploads == 0 {
		c.Uploads = 4
	}
	if c.Waiting == 0 {
		c.Waiting = 32
	}
	if c.WaitingBytes == 0 {
		c.WaitingBytes = 1 << 30
	}
	return c
}

// Deps are the live parts that delivery works with.
type Deps struct {
	// Open makes a destination. It is asked once for each definition, and again after an error.
	Open func(ctx context.Context, d stream.Destination) (Destination, error)

	// Current returns the definition in force now, by the stream's name. Credentials, endpoints and triggers are always
	// the current ones; false means that the stream is no longer configured and its own last definition serves.
	Current func(name string) (stream.Stream, bool)

	// Function is asked once for each definition, and again after an error.
	Function OpenFunction

	Log     *slog.Logger
	Metrics *Metrics // nil counts nothing
	Observe Observer // nil tells nobody
	Pace    *Pace    // nil holds nobody
	// Elsewhere is how many of Config.Memory's bytes others hold now; nil where nobody does. Objects give way to it.
	Elsewhere func() int64

	Scratch *Scratch // nil does without: objects are sealed early where memory ends. Its owner closes it after Run
}

// Service delivers every lane of a log. Run it once.
type Service struct {
	cfg     Config
	deps    Deps
	memory  atomic.Int64 // held by open and sealed objects, and by blocks that are read ahead
	serving atomic.Int64 // lanes
	open    atomic.Int64 // objects
	uploads *slots

	compressors compressors
	ahead       chan struct{} // one for each block that is read ahead, see reader
	drain       chan struct{} // closed by Drain

	underived map[buffer.LaneID]chan struct{} // by source; closed by Drain once nothing more is derived of it. Guarded by mu

	life    string // random
	refused *refusals
	reports reports

	mu      sync.Mutex
	lanes   map[laneKey]*lane
	arrived chan struct{}      // closed and made anew when a lane is added
	targets map[string]*target // by their definition

	functions map[buffer.LaneID]*function
	invokers  map[string]*invoker // by their definition
	leaving   sync.WaitGroup      // functions and destinations that are being let go
	closed    bool                // Run has ended

	lives  map[buffer.LaneID]context.CancelFunc
	gone   map[buffer.StreamID]bool // discarded
	hastes map[buffer.StreamID]bool // hastened
	ends   []error                  // of lanes that stopped
}

// New returns a service that is ready to Run.
func New(cfg Config, deps Deps) *Service {
	cfg = cfg.withDefaults()
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Current == nil {
		deps.Current = func(string) (stream.Stream, bool) { return stream.Stream{}, false }
	}
	if deps.Elsewhere == nil {
		deps.Elsewhere = func() int64 { return 0 }
	}
	s := &Service{
		cfg:     cfg,
		deps:    deps,
		drain:   make(chan struct{}),
		life:    rand.Text(),
		refused: newRefusals(),
		reports: reports{byStream: map[buffer.StreamID][]Report{}},
		lanes:   map[laneKey]*lane{},

		underived: map[buffer.LaneID]chan struct{}{},
		functions: map[buffer.LaneID]*function{},
		invokers:  map[string]*invoker{},

		arrived: make(chan struct{}),
		targets: map[string]*target{},
		lives:   map[buffer.LaneID]context.CancelFunc{},
		gone:    map[buffer.StreamID]bool{},
		hastes:  map[buffer.StreamID]bool{},
	}
	s.compressors = newCompressors(cfg.Memory)
	s.ahead = make(chan struct{}, aheadOf(cfg.Memory))
	s.uploads = newSlots(cfg.Uploads, func() bool { return s.serving.Load() > 1 })
	return s
}

// Run delivers until ctx ends. What is not delivered then waits in the log. A lane that cannot go on ends alone, and is
// named by Health.
func (s *Service) Run(ctx context.Context, log buffer.Log) error {
	err := log.Serve(ctx, s.serve)
	return errors.Join(err, s.stopped(), s.closeDestinations())
}

// closeDestinations lets go of connections, locks and functions once no lane uses them any more.
func (s *Service) closeDestinations() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for key, t := range s.targets {
		errs = append(errs, t.close(ctx))
		delete(s.targets, key)
	}
	for key, i := range s.invokers {
		errs = append(errs, i.close())
		delete(s.invokers, key)
	}
	s.leaving.Wait()
	s.closed = true
	return errors.Join(errs...)
}

// laneKey names a track of a lane.
type laneKey struct {
	id    buffer.LaneID
	track track
}

func (l *lane) key() laneKey { return laneKey{l.info.ID, l.track} }

func (l *lane) sharer() sharer { return sharer{l.info.ID.Stream, l.track} }

// deliver delivers a track of a lane from a cursor on until ctx ends, or it cannot go on.
func (s *Service) deliver(ctx context.Context, t *tracks, way track, cursor buffer.Seq) error {
	s.serving.Add(1)
	defer s.serving.Add(-1)
	begin := func(before *lane) *lane { return s.begin(newLane(t, way, cursor), before) }
	l := begin(nil)
	defer close(l.done)
	s.deps.Metrics.serves(l)
	err := l.run(ctx)
	for l.beginAgain(err) {
		l = begin(l)
		err = l.run(ctx)
	}
	l.ended(err, ctx.Err() != nil)
	if err != nil && ctx.Err() == nil {
		l.log.Error("delivery of this stream has stopped; its records wait in the buffer", "error", err)
		s.noteEnd(l.info.Name, err)
		return err
	}
	return nil
}

// beginAgain reports whether a life that ended with err is followed by another one, which does without what has failed.
func (l *lane) beginAgain(err error) bool {
	switch {
	case errors.Is(err, errScratchDamaged):
		l.log.Error("scratch did not keep what was stored in it: what the stream had there is made again from the buffer, and the stream uses it no more", "error", err)
		l.scratch = nil
	case errors.Is(err, errNoRoom):
		l.log.Warn("the sealed objects of this stream are made again a few at a time", "reason", err)
		l.narrow = true
	default:
		return false
	}
	return true
}

// begin puts a life of a lane in the place of the one before, if there was one.
func (s *Service) begin(l, before *lane) *lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	if before != nil {
		l.drained, l.done = before.drained, before.done
		l.flushAsked, l.flushes = before.flushAsked, before.flushes
		l.scratch, l.narrow, l.kept = before.scratch, before.narrow, before.kept
		l.looks, l.shared.totals, l.shared.past = before.looks, before.books(), before.pastFunction()
	}
	if s.hastes[l.info.ID.Stream] {
		l.hurry.set(true)
	}
	s.lanes[l.key()] = l
	if f := s.functions[l.info.ID.Source()]; f != nil && l.info.ID.IsDerived() {
		f.booksChanged() // what it made can be counted from now on
	}
	close(s.arrived)
	s.arrived = make(chan struct{})
	return l
}

// Memory is how many bytes open and sealed objects hold, and how many they may.
func (s *Service) Memory() (used, limit int64) { return s.memory.Load(), s.cfg.Memory }

// room is how many bytes objects may hold now.
func (s *Service) room() int64 { return max(0, s.cfg.Memory-s.deps.Elsewhere()) }

// Open is how many objects are open.
func (s *Service) Open() int64 { return s.open.Load() }

// Uploading is how many uploads are under way.
func (s *Service) Uploading() int { return s.uploads.inUse() }

// beginFunction takes a lane's function among what is served.
func (s *Service) beginFunction(f *function) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hastes[f.info.ID.Stream] {
		f.hurry.set(true)
	}
	s.functions[f.info.ID] = f
	close(s.arrived)
	s.arrived = make(chan struct{})
}
