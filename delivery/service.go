package delivery

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hydrant/buffer"
	"hydrant/stream"
)

// Config bounds what delivery holds. The zero value means the defaults.
type Config struct {
	Node    string // this node's name and place, for other nodes' operators; a life that ended at the same place need not be waited for
	Memory  int64  // bytes of open and sealed objects, all lanes together; 256 MiB
	Uploads int    // at once, all lanes together; 4
	Waiting int    // sealed objects of one lane that wait for their destination; 32. At the bound the lane stops sealing and reading: the backlog waits in the log, and an outage does not become an avalanche of small objects
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
	return c
}

// Deps are the live parts that delivery works with.
type Deps struct {
	// Open makes a destination. It is asked once for each definition, and again after an error.
	Open func(ctx context.Context, d stream.Destination) (Destination, error)

	// Current returns the definition in force now, by the stream's name. Credentials, endpoints and triggers are always
	// the current ones; false means that the stream is no longer configured and its own last definition serves.
	Current func(name string) (stream.Stream, bool)

	Log     *slog.Logger
	Metrics *Metrics // nil counts nothing
}

// Service delivers every lane of a log. Run it once.
type Service struct {
	cfg     Config
	deps    Deps
	memory  atomic.Int64  // held by open and sealed objects
	uploads chan struct{} // holds a token for each upload under way
	drain   chan struct{} // closed by Drain

	life    string // random
	refused *refusals

	mu      sync.Mutex
	lanes   map[buffer.LaneID]*lane
	targets map[string]*target // by their definition
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
	return &Service{
		cfg:     cfg,
		deps:    deps,
		uploads: make(chan struct{}, cfg.Uploads),
		drain:   make(chan struct{}),
		life:    rand.Text(),
		refused: newRefusals(),
		lanes:   map[buffer.LaneID]*lane{},
		targets: map[string]*target{},
	}
}

// Run delivers until ctx ends. What is not delivered then waits in the log. A lane that cannot go on ends alone, and is
// named by Health.
func (s *Service) Run(ctx context.Context, log buffer.Log) error {
	return errors.Join(log.Serve(ctx, s.serve), s.closeDestinations())
}

// closeDestinations lets go of connections and locks once no lane uses them any more.
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
	return errors.Join(errs...)
}

func (s *Service) serve(ctx context.Context, in buffer.Lane) error {
	l := newLane(s, in)
	s.mu.Lock()
	s.lanes[l.info.ID] = l
	s.mu.Unlock()
	defer close(l.done)
	err := l.run(ctx)
	l.ended(err, ctx.Err() != nil)
	if err != nil && ctx.Err() == nil {
		l.log.Error("delivery of this stream has stopped; its records wait in the buffer", "error", err)
		return err
	}
	return nil
}

// Drain seals and delivers everything that the log holds now, and returns when that is done, or ctx's error. It is for
// the end, when nothing is appended any more; Run goes on until its own context ends.
func (s *Service) Drain(ctx context.Context) error {
	close(s.drain)
	s.mu.Lock()
	var lanes []*lane
	for _, l := range s.lanes {
		lanes = append(lanes, l)
	}
	s.mu.Unlock()
	for _, l := range lanes {
		select {
		case <-l.drained:
		case <-l.done:
			return fmt.Errorf("stream %s is not delivered: its lane has ended", l.info.Name)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Trouble is why a stream is not being delivered as it should.
type Trouble struct {
	Stream  string
	Stopped bool // for good, until somebody has looked; else it resumes by itself
	Reason  string
	Since   time.Time
}

// Health returns what is wrong now, by stream.
func (s *Service) Health() []Trouble {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Trouble
	for _, l := range s.lanes {
		if t := l.trouble(); t != nil {
			out = append(out, *t)
		}
	}
	slices.SortFunc(out, func(a, b Trouble) int { return strings.Compare(a.Stream, b.Stream) })
	return out
}
