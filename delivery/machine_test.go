package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"hydrant/buffer"
	"hydrant/buffer/memlog"
	"hydrant/delivery"
	"hydrant/delivery/transform"
	"hydrant/stream"
)

// machine is the whole of delivery as it is, on a log and stores in memory, in a bubble of time that stands still until
// everybody waits: what happens, what is damaged, and where the process dies, is drawn by rapid. After every step it is compared
// with what was acknowledged: each record at most once in the stores, in objects that never change and hold what they say;
// everything that the log was told to forget is there, or was damaged; and in the end everything is, once. A rich one has
// processing, functions that are not pure, backups, small objects, clocks that jump and destinations that are corrected, or have
// another address, besides.
type machine struct {
	log      memlog.Log
	mutant   mutant
	stores   map[string]*machineStore // by place
	left     map[string]bool          // places where a store was
	function machineFunction
	version  int
	place    string // of the stream's objects
	current  atomic.Pointer[stream.Stream]
	memory   int64         // of the lives that begin
	most     int           // partitions open at once; 0 for the default, and then none is one too many
	clock    time.Duration // that arrivals are ahead
	rich     bool

	lives   int
	mu      sync.Mutex   // of the stores
	steps   atomic.Int64 // durable steps until the process dies; negative: it does not
	order   []*sent      // by sequence
	byText  map[string]*sent
	byPiece map[string]*sent
	pieces  int            // so far, and records without any
	damaged bool           // once
	keyed   []buffer.Batch // sent before, under a key

	service *delivery.Service
	cancel  context.CancelFunc
	ended   chan error
}

var machineStream = buffer.StreamID{1}

func newMachine(t *rapid.T, m mutant) *machine {
	w := &machine{mutant: m, place: firstPlace, stores: map[string]*machineStore{}, left: map[string]bool{}, byText: map[string]*sent{}, byPiece: map[string]*sent{}}
	w.most = rapid.IntRange(0, 2).Draw(t, "most")
	w.rich = rapid.Bool().Draw(t, "rich")
	w.steps.Store(-1)
	w.function.dropped = map[string]bool{}
	for _, place := range []string{firstPlace, secondPlace, backupPlace} {
		w.stores[place] = &machineStore{machine: w, objects: map[string]storedObject{}}
	}
	born := time.Now()
	w.log.Elapsed = func() time.Duration { return time.Since(born) }
	w.log.Now = func() time.Time { return time.Now().Add(w.clock) }
	w.log.Open()
	w.define(t)
	w.start()
	return w
}

func (w *machine) start() {
	w.service = delivery.New(delivery.Config{Waiting: 4, Uploads: 2, Memory: w.memory}, delivery.Deps{
		Open: func(_ context.Context, d stream.Destination) (delivery.Destination, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return machineAddress{w.stores[d.Directory.Path], d.Directory.Path}, nil
		},
		Current:  func(string) (stream.Stream, bool) { return *w.current.Load(), true },
		Function: func(context.Context, stream.Transform) (transform.Invoker, error) { return &w.function, nil },
		Log:      slog.New(slog.DiscardHandler),
	})
	var ctx context.Context
	ctx, w.cancel = context.WithCancel(context.Background())
	w.ended = make(chan error, 1)
	go func() { w.ended <- w.service.Run(ctx, &machineLog{&w.log, w}) }()
	synctest.Wait()
}

// kill ends the life: what is not durable is forgotten.
func (w *machine) kill() {
	w.cancel()
	<-w.ended
	w.steps.Store(-1)
	w.lives++
	if w.mutant.crash != nil {
		w.mutant.crash(w)
	}
	w.log.Open()
}

func (w *machine) append(t *rapid.T, keys string, key buffer.Key) {
	b := buffer.Batch{Stream: machineStream, Key: key}
	records := w.drawRecords(t, keys)
	for _, r := range records {
		b.Records = append(b.Records, []byte(r.text))
		w.byText[r.text] = r
		for _, piece := range r.pieces {
			w.byPiece[piece] = r
		}
	}
	w.order = append(w.order, records...)
	w.send(t, b)
	if !key.ID.IsZero() {
		w.keyed = append(w.keyed, b)
	}
}

func (w *machine) send(t *rapid.T, b buffer.Batch) {
	if w.mutant.batch != nil {
		b.Records = slices.Clone(b.Records)
		w.mutant.batch(&b)
	}
	if _, err := w.log.Append(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

// damage loses a few records that are not settled, while the process is down.
func (w *machine) damage(t *rapid.T) {
	if len(w.order) == 0 {
		return
	}
	w.kill()
	w.awaitLate()
	from := rapid.IntRange(1, len(w.order)).Draw(t, "from")
	to := min(from+rapid.IntRange(0, 9).Draw(t, "more"), len(w.order))
	w.log.Damage(machineStream, buffer.Seq(from), buffer.Seq(to))
	for _, r := range w.order[from-1 : to] {
		r.lost = true
	}
	w.damaged = true
	w.blind(rapid.IntRange(0, 2).Draw(t, "looks"))
	w.start()
}

// check compares the stores with what was acknowledged.
func (w *machine) check(t *rapid.T) {
	pending := w.log.Stats().Streams[machineStream].Pending
	if missing := w.missing(t); missing > int(pending) {
		t.Fatalf("of %d records that are acknowledged %d are not in the stores, and the log keeps %d", len(w.order), missing, pending)
	}
	if w.steps.Load() != 0 {
		return
	}
	w.kill() // the process has died at the step that was drawn
	w.start()
}

// missing is how many records are not whole in the stores, and neither damaged.
func (w *machine) missing(t *rapid.T) (n int) {
	found, copies := w.found(t), w.copies(t)
	for _, r := range w.order {
		whole := !r.backup || copies[r.text]
		for _, piece := range r.pieces {
			whole = whole && (found[piece] || w.function.mayDrop(piece))
		}
		if !whole && !r.lost {
			n++
		}
	}
	return n
}

// found are the pieces that are in the stream's objects, each in one, where it belongs.
func (w *machine) found(t *rapid.T) map[string]bool {
	found := map[string]bool{}
	for _, place := range []string{firstPlace, secondPlace} {
		for line, key := range w.stores[place].lines(t) {
			piece := pieceOf(line)
			r := w.byPiece[piece]
			if r == nil {
				t.Fatalf("%s is in %s, and was not sent", line, key)
			}
			want, failed := r.prefix[slices.Index(r.pieces, piece)], strings.HasPrefix(key, errorOutput) && (w.most > 0 || w.rich)
			if found[piece] || !failed && !strings.HasPrefix(key, want) {
				t.Fatalf("%s is in %s, want %q, once", line, key, want)
			}
			found[piece] = true
		}
	}
	return found
}

// copies are the records that are in the backup, each in one object.
func (w *machine) copies(t *rapid.T) map[string]bool {
	copies := map[string]bool{}
	for line, key := range w.stores[backupPlace].lines(t) {
		if r := w.byText[line]; r == nil || !r.backup {
			t.Fatalf("%s is in %s, and was not to be", line, key)
		}
		copies[line] = true
	}
	return copies
}

// end lets everything be delivered.
func (w *machine) end(t *rapid.T) {
	w.kill()
	for _, s := range w.stores {
		s.outcomes, s.blind = nil, 0
	}
	clear(w.left) // what was on its way to an address when the process died is looked for there
	w.function.decide = nil
	w.start()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if err := w.service.Drain(ctx, &w.log); err != nil {
		t.Fatalf("drain: %v; health %+v", err, w.service.Health())
	}
	synctest.Wait() // the books of a function are reconciled behind that
	w.check(t)
	if missing := w.missing(t); missing > 0 {
		t.Fatalf("of %d records that were acknowledged %d are not in the stores", len(w.order), missing)
	}
	w.balance(t)
}

// balance checks the books of a stream of which everything is settled.
func (w *machine) balance(t *rapid.T) {
	books, found := w.service.Books()["s"], len(w.found(t))
	unknown := books.Dropped // pieces that are in no object
	for _, r := range w.order {
		if len(r.pieces) == 0 {
			unknown--
		}
	}
	switch {
	case books.Settled() != int64(len(w.order)):
	case !w.damaged && (books.Quarantined != 0 || int64(found)+unknown != int64(len(w.byPiece))):
	case !w.rich && books.Quarantined != int64(len(w.order)-found):
	default:
		return
	}
	t.Fatalf("the books have %+v; %d of %d pieces of %d records are in the stores", books, found, len(w.byPiece), len(w.order))
}

// strike counts a durable step, and reports whether the process is dead.
func (w *machine) strike() bool {
	for {
		left := w.steps.Load()
		if left <= 0 {
			return left == 0
		}
		if w.steps.CompareAndSwap(left, left-1) {
			return left == 1
		}
	}
}

// dies counts a step of the lane's.
func (w *machine) dies() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.strike()
}

// machineLog has commits counted, and spoilt where a mutant does.
type machineLog struct {
	*memlog.Log
	machine *machine
}

func (l *machineLog) Serve(ctx context.Context, run func(context.Context, buffer.Lane) error) error {
	return l.Log.Serve(ctx, func(ctx context.Context, in buffer.Lane) error { return run(ctx, &machineLane{in, l.machine}) })
}

type machineLane struct {
	buffer.Lane
	machine *machine
}

var errDead = errors.New("the process is dead")

func (l *machineLane) Commit(ctx context.Context, c buffer.Change) error {
	if l.machine.dies() {
		return errDead
	}
	if spoil := l.machine.mutant.change; spoil != nil {
		spoil(&c, l.Info())
	}
	return l.Lane.Commit(ctx, c)
}

// live is one history.
func live(t *rapid.T, m mutant) {
	w := newMachine(t, m)
	defer func() { w.kill() }()
	keys := rapid.StringOfN(rapid.SampledFrom([]rune("aab")), 1, 12, -1)
	outcomes := rapid.SliceOfN(rapid.SampledFrom([]outcome{stored, stored, answerLost, notStored, slow, forbidden, late}), 1, 6)
	actions := []string{"append", "append", "append", "append", "keyed", "repeat", "wait", "wait", "store", "die", "kill", "define", "memory", "damage"}
	if w.rich {
		actions = append(actions, "function", "backup", "correct", "rename", "blind", "clock", "flush", "hasten", "die")
	}
	for range rapid.IntRange(2, 10).Draw(t, "actions") {
		switch rapid.SampledFrom(actions).Draw(t, "action") {
		case "append":
			w.append(t, keys.Draw(t, "keys"), buffer.Key{})
		case "keyed":
			w.append(t, keys.Draw(t, "keys"), buffer.Key{ID: buffer.KeyID{1, byte(len(w.keyed))}})
		case "repeat":
			if len(w.keyed) > 0 {
				w.send(t, rapid.SampledFrom(w.keyed).Draw(t, "batch"))
			}
		case "wait":
			time.Sleep(time.Duration(rapid.IntRange(1, 2500).Draw(t, "milliseconds")) * time.Millisecond)
			synctest.Wait()
		case "store":
			w.prepare(w.place, outcomes.Draw(t, "outcomes"))
		case "backup":
			w.prepare(backupPlace, outcomes.Draw(t, "outcomes"))
		case "function":
			w.function.prepare(rapid.SliceOfN(rapid.IntRange(0, 4), 1, 6).Draw(t, "decisions"))
		case "die":
			w.steps.Store(int64(rapid.IntRange(1, 5).Draw(t, "steps")))
		case "kill":
			w.kill()
			w.start()
		case "define":
			w.define(t)
			synctest.Wait()
		case "correct":
			w.correct()
		case "rename":
			w.rename()
		case "blind":
			w.blind(rapid.IntRange(1, 9).Draw(t, "looks"))
		case "clock":
			w.clock += time.Duration(rapid.IntRange(-90, 90).Draw(t, "minutes")) * time.Minute
		case "flush":
			w.flush()
		case "hasten":
			w.service.Hasten(machineStream)
			synctest.Wait()
			w.service.Calm(machineStream)
		case "memory":
			w.memory = 1 - w.memory // room for nothing, or for everything
		case "damage":
			w.damage(t)
		}
		w.check(t)
	}
	w.end(t)
}

// prepare says how the next creations at a place end.
func (w *machine) prepare(place string, outcomes []outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stores[place].outcomes = slices.Clone(outcomes)
}

// blind has the next looks at the stream's objects fail.
func (w *machine) blind(looks int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stores[w.place].blind = looks
}

// flush has everything sealed, as far as there is room.
func (w *machine) flush() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = w.service.Flush(ctx, machineStream) // without room, or dead, it has sealed less
	synctest.Wait()
}

// inBubble runs a history in a bubble of its own. How rapid ends one early is carried out of it.
func inBubble(t *testing.T, history func()) {
	var early any
	synctest.Test(t, func(*testing.T) {
		defer func() { early = recover() }()
		history()
	})
	switch fmt.Sprintf("%T", early) {
	case "<nil>":
	case "rapid.invalidData":
		panic(early) // from a line of its own: rapid takes failures that come from one line for the same
	default:
		panic(early)
	}
}

// Whatever is drawn, each record is delivered once. -rapid.checks says how many histories, of each half.
func TestMachine(t *testing.T) {
	for _, half := range []string{"one", "two"} { // a processor each
		t.Run(half, func(t *testing.T) {
			t.Parallel()
			began, histories := time.Now(), 0 // outside the bubble time goes on
			rapid.Check(t, func(rt *rapid.T) {
				histories++
				inBubble(t, func() { live(rt, mutant{}) })
			})
			t.Logf("%d histories, %.0f a second", histories, float64(histories)/time.Since(began).Seconds())
		})
	}
}
