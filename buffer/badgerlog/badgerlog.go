package badgerlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/gofrs/flock"

	"hydrant/buffer"
)

const (
	// MinDisk holds the current generation, the next one and what is being drained.
	MinDisk = 64 << 20

	defaultMaxDisk = 20 << 30

	formatVersion = 1
	sealedVersion = 2 // of a log that has had an encrypted stream
	identityName  = "log.json"
	lockName      = "LOCK"

	groupLimit = 4 << 20 // a group takes no further batch beyond it
)

// Log implements buffer.Log.
//
// Of its locks, space is taken before mu, mu before that of a lane or of the cache's blocks, and a generation's last. Nothing
// waits for the disk while it holds mu.
type Log struct {
	cfg    Config
	lock   *flock.Flock
	origin buffer.Origin

	mu       sync.Mutex
	closed   bool
	failure  error
	room     *sync.Cond // a group was taken: the next one has room
	forming  *group
	packing  int // bytes of records on their way into the forming group
	lanes    map[buffer.StreamID]*lane
	byName   []*lane                             // the same, sorted, as of the last time that somebody asked
	locking  map[*lane]struct{}                  // lanes, derived ones too, of which a version names a data key
	defining map[buffer.StreamID]<-chan struct{} // closed when the definition that is on its way is durable, or is not
	state    stateTable
	keys     keyTable
	cache    cache
	damage   map[buffer.LaneID]map[buffer.Seq]buffer.Damage // everything that is quarantined, by lane and From
	gens     []*generation                                  // oldest first
	current  *generation                                    // the last of gens, written to; nil where a full disk had no room even for a small one
	supply   supply
	short    *buffer.FullError // why records are refused although a generation could be made
	deriving struct {
		streams int  // that derive
		starved bool // one of them was refused for want of room
		lean    bool // the disk has little more than what is kept for deriving
	}
	looks struct { // of housekeeping alone, for its next look
		used   int64 // of the committer's generation
		sparse int   // looks at which the same generation was worth rewriting
	}

	space   sync.Mutex // held while space on the disk is taken: what was looked at is there when it is used
	reserve reserve

	readable openSet
	marking  sync.Mutex   // held while the directory is marked as one that holds encrypted blocks
	kept     atomic.Int64 // bytes in quarantine
	scarce   atomic.Bool  // much of max_disk is in use
	serving  atomic.Bool

	committer committer
	commits   sync.WaitGroup // the committer
	keepers   sync.WaitGroup // housekeeping, making and sealing generations

	arrived chan struct{} // closed and made anew, with mu held, when a lane is added
	work    chan struct{} // the forming group has something
	kick    chan struct{} // housekeeping has something to look at
	quit    chan struct{} // ends the housekeeping
	failed  chan struct{}
}

// Open opens the log in cfg.Dir, alone, and recovers it: whatever the last process left behind, it opens, and what is
// damaged is counted and told to cfg.Log.
func Open(cfg Config) (*Log, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return nil, err
	}
	lock, err := acquire(cfg.Dir)
	if err != nil {
		return nil, err
	}
	l := newLog(cfg, lock)
	if err := l.open(); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return l, nil
}

// ErrInUse is what Open and Inspect fail with while another process has the log open.
var ErrInUse = errors.New("another process uses this buffer")

func acquire(dir string) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(dir, lockName))
	held, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the buffer: %w", err)
	}
	if !held {
		return nil, fmt.Errorf("%w: %s", ErrInUse, dir)
	}
	return lock, nil
}

func newLog(cfg Config, lock *flock.Flock) *Log {
	l := &Log{
		cfg:     cfg,
		cache:   cache{limit: cfg.Recent},
		lock:    lock,
		forming: newGroup(),
		lanes:   map[buffer.StreamID]*lane{},
		locking: map[*lane]struct{}{},
		keys:    newKeyTable(cfg.Window),
		damage:  map[buffer.LaneID]map[buffer.Seq]buffer.Damage{},
		arrived: make(chan struct{}),
		work:    make(chan struct{}, 1),
		failed:  make(chan struct{}),
		quit:    make(chan struct{}),
		kick:    make(chan struct{}, 1),

		defining: map[buffer.StreamID]<-chan struct{}{},
	}
	l.room, l.supply.made = sync.NewCond(&l.mu), sync.NewCond(&l.mu)
	return l
}

func (l *Log) open() error {
	if err := removeTrash(l.cfg.Dir); err != nil {
		return err
	}
	found, err := load(l.cfg.Dir, newProgress(l.cfg.Log).tell)
	if err != nil {
		return err
	}
	if err := found.sync(); err != nil {
		return errors.Join(err, found.release())
	}
	news := l.adopt(found)
	l.measureQuarantine()
	logLoaded.Reach()
	if err := l.begin(len(found.gens) > 0); err != nil {
		return errors.Join(err, found.release())
	}
	l.resume(found, news)
	l.commits.Go(l.committer.run)
	l.keepers.Go(l.housekeep)
	l.makeAhead()
	wake(l.kick)
	if len(news) == 0 {
		return nil
	}
	return l.recordDamage()
}

// resume goes on with the chain where it was found to end. Numbers rise above all that anything names.
func (l *Log) resume(found *image, news []change) {
	l.committer = committer{
		log: l, current: l.current, number: found.highest, hash: found.lastHash, born: l.cfg.now(), fresh: true, news: news,
	}
}

// Failed implements buffer.Log.
func (l *Log) Failed() <-chan struct{} { return l.failed }

// Failure implements buffer.Log.
func (l *Log) Failure() error { return l.broken() }

// Serve implements buffer.Log.
func (l *Log) Serve(ctx context.Context, run func(context.Context, buffer.Lane) error) error {
	if l.serving.Swap(true) {
		return errors.New("the log is being served already")
	}
	defer l.serving.Store(false)
	var (
		lanes   sync.WaitGroup
		mu      sync.Mutex
		errs    []error
		started = map[buffer.LaneID]bool{}
	)
	for {
		l.mu.Lock()
		arrived := l.arrived
		for lane := range l.allLanes() {
			if started[lane.id] {
				continue
			}
			started[lane.id] = true
			lanes.Go(func() {
				if err := run(ctx, lane); err != nil && ctx.Err() == nil {
					mu.Lock()
					errs = append(errs, fmt.Errorf("stream %s: %w", lane.name, err))
					mu.Unlock()
				}
			})
		}
		l.mu.Unlock()
		select {
		case <-arrived:
		case <-ctx.Done():
			lanes.Wait()
			return errors.Join(errs...)
		}
	}
}

// Close implements buffer.Log.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.room.Broadcast()
	l.mu.Unlock()

	wake(l.work)
	l.commits.Wait()
	close(l.quit)
	l.keepers.Wait()

	errs := []error{l.dropReady()}
	for _, g := range l.gens {
		errs = append(errs, l.closeLast(g))
	}
	return errors.Join(append(errs, l.lock.Unlock())...)
}

// wake fills a channel of capacity one without waiting.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
