package delivery_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"hydrant/buffer"
	"hydrant/buffer/memlog"
	"hydrant/delivery"
	"hydrant/stream"
)

// machine is the whole of delivery as it is, on a log and a store in memory, in a bubble of time that stands still until
// everybody waits: what happens, what is damaged, and where the process dies, is drawn by rapid. After every step it is compared
// with what was acknowledged: each record at most once in the store, in objects that never change and hold what they say;
// everything that the log was told to forget is there, or was damaged; and in the end everything is, once.
type machine struct {
	log     memlog.Log
	mutant  mutant
	store   *machineStore
	version atomic.Int64
	memory  int64 // of the lives that begin
	most    int   // partitions open at once; 0 for the default, and then none is one too many

	lives int
	steps atomic.Int64 // durable steps until the process dies; negative: it does not
	acked map[string]string
	order []string        // the same, in the order of their sequences
	lost  map[string]bool // of them, damaged
	keyed []buffer.Batch  // sent before, under a key

	service *delivery.Service
	cancel  context.CancelFunc
	ended   chan error
}

var machineStream = buffer.StreamID{1}

// errorOutput begins the keys of objects that hold what was one partition too many.
const errorOutput = "errors/"

func newMachine(t *rapid.T, m mutant) *machine {
	w := &machine{mutant: m, acked: map[string]string{}, lost: map[string]bool{}}
	w.most = rapid.IntRange(0, 2).Draw(t, "most")
	w.steps.Store(-1)
	w.store = &machineStore{machine: w, objects: map[string]storedObject{}}
	born := time.Now()
	w.log.Elapsed = func() time.Duration { return time.Since(born) }
	w.log.Open()
	w.define(t)
	w.start()
	return w
}

func (w *machine) definition() stream.Stream {
	s := stream.Stream{
		Name: "s", Prefix: fmt.Sprintf("v%d/!{partitionKeyFromQuery:key}/", w.version.Load()), PartitionKeys: map[string]string{"key": ".key"},
		ErrorPrefix: errorOutput + "!{firehose:error-output-type}/",
		Destination: stream.Destination{Directory: &stream.Directory{Path: "/nowhere"}},
	}
	s.Compression = "none"
	s.Buffering.Interval = stream.Duration(time.Second)
	if s.Partitions.Max = w.most; w.most > 0 {
		s.Partitions.Exceeded = stream.ExceededError
	}
	return s.WithDefaults()
}

// define puts another version in force.
func (w *machine) define(t *rapid.T) {
	w.version.Add(1)
	_, err := w.log.Define(context.Background(), buffer.Definition{Stream: machineStream, Name: "s", Logic: 1, Data: w.definition().Encode()})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *machine) start() {
	w.service = delivery.New(delivery.Config{Waiting: 4, Uploads: 2, Memory: w.memory}, delivery.Deps{
		Open:    func(context.Context, stream.Destination) (delivery.Destination, error) { return w.store, nil },
		Current: func(string) (stream.Stream, bool) { return w.definition(), true },
		Log:     slog.New(slog.DiscardHandler),
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
	names := map[string]string{}
	for i, k := range keys {
		line := fmt.Sprintf(`{"key":"%c","n":"%d-%d"}`, k, len(w.acked), i)
		names[line] = fmt.Sprintf("v%d/%c/", w.version.Load(), k)
		b.Records = append(b.Records, []byte(line))
		w.order = append(w.order, line)
	}
	w.send(t, b)
	maps.Copy(w.acked, names)
	if !key.ID.IsZero() {
		w.keyed = append(w.keyed, b)
	}
}

func (w *machine) send(t *rapid.T, b buffer.Batch) {
	if w.mutant.batch != nil {
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
	from := rapid.IntRange(1, len(w.order)).Draw(t, "from")
	to := min(from+rapid.IntRange(0, 9).Draw(t, "more"), len(w.order))
	w.log.Damage(machineStream, buffer.Seq(from), buffer.Seq(to))
	for _, line := range w.order[from-1 : to] {
		w.lost[line] = true
	}
	w.start()
}

// check compares the store with what was acknowledged.
func (w *machine) check(t *rapid.T) {
	found := w.store.lines(t)
	for line, prefix := range found {
		refused := w.most > 0 && strings.HasPrefix(prefix, errorOutput)
		if want, known := w.acked[line]; !known || !refused && !strings.HasPrefix(prefix, want) {
			t.Fatalf("%s is in %s, want %q", line, prefix, want)
		}
	}
	pending := w.log.Stats().Streams[machineStream].Pending
	if missing := w.missing(found); missing > int(pending) {
		t.Fatalf("of %d records that are acknowledged %d are not in the store, and the log keeps %d", len(w.acked), missing, pending)
	}
	if w.steps.Load() != 0 {
		return
	}
	w.kill() // the process has died at the step that was drawn
	w.start()
}

// missing is how many records are neither in the store nor damaged.
func (w *machine) missing(found map[string]string) (n int) {
	for line := range w.acked {
		if found[line] == "" && !w.lost[line] {
			n++
		}
	}
	return n
}

// end lets everything be delivered.
func (w *machine) end(t *rapid.T) {
	w.kill()
	w.store.outcomes = nil
	w.start()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if err := w.service.Drain(ctx, &w.log); err != nil {
		t.Fatalf("drain: %v; health %+v", err, w.service.Health())
	}
	w.check(t)
	found := w.store.lines(t)
	if missing := w.missing(found); missing > 0 {
		t.Fatalf("of %d records that were acknowledged %d are not in the store", len(w.acked), missing)
	}
	books := w.service.Books()["s"]
	if books.Settled() != int64(len(w.acked)) || books.Quarantined != int64(len(w.acked)-len(found)) {
		t.Fatalf("the books have %+v; %d of %d records are in the store", books, len(found), len(w.acked))
	}
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
	if l.machine.store.dies() {
		return errDead
	}
	if spoil := l.machine.mutant.change; spoil != nil {
		spoil(&c, l.Info())
	}
	return l.Lane.Commit(ctx, c)
}

// mutant spoils one decision on its way.
type mutant struct {
	batch  func(*buffer.Batch)
	change func(*buffer.Change, buffer.LaneInfo)
	crash  func(*machine)
}

// live is one history.
func live(t *rapid.T, m mutant) {
	w := newMachine(t, m)
	defer func() { w.kill() }()
	keys := rapid.StringOfN(rapid.SampledFrom([]rune("aab")), 1, 12, -1)
	outcomes := rapid.SliceOfN(rapid.SampledFrom([]outcome{stored, stored, answerLost, notStored, slow}), 1, 6)
	for range rapid.IntRange(2, 10).Draw(t, "actions") {
		switch rapid.SampledFrom([]string{"append", "append", "append", "append", "keyed", "repeat", "wait", "wait", "store", "die", "kill", "define", "memory", "damage"}).Draw(t, "action") {
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
			w.store.outcomes = slices.Clone(outcomes.Draw(t, "outcomes"))
		case "die":
			w.steps.Store(int64(rapid.IntRange(1, 5).Draw(t, "steps")))
		case "kill":
			w.kill()
			w.start()
		case "define":
			w.define(t)
			synctest.Wait()
		case "memory":
			w.memory = 1 - w.memory // room for nothing, or for everything
		case "damage":
			w.damage(t)
		}
		w.check(t)
	}
	w.end(t)
}

// inBubble runs a history in a bubble of its own. How rapid ends one early is carried out of it.
func inBubble(t *testing.T, history func()) {
	var early any
	synctest.Test(t, func(*testing.T) {
		defer func() { early = recover() }()
		history()
	})
	if early != nil {
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

// mutants are decisions that would be wrong. What the machine cannot tell from the product proves nothing about it.
var mutants = map[string]mutant{
	"reclaimed one too early": {change: func(c *buffer.Change, info buffer.LaneInfo) {
		if 0 < c.Cursor && c.Cursor < info.Head {
			c.Cursor++
		}
	}},
	"what was one partition too many forgotten": {change: func(c *buffer.Change, _ buffer.LaneInfo) {
		c.Put = slices.DeleteFunc(c.Put, func(e buffer.Entry) bool { return strings.HasPrefix(e.Key, "overflow/") })
	}},
	"an object's membership not written down": {change: func(c *buffer.Change, _ buffer.LaneInfo) {
		c.Put = slices.DeleteFunc(c.Put, func(e buffer.Entry) bool { m := manifestIn(e); return m != nil && !m.Delivered })
	}},
	"an object's membership changed at the retry": {change: func(c *buffer.Change, _ buffer.LaneInfo) {
		for i, e := range c.Put {
			if m := manifestIn(e); m != nil && !m.Delivered && m.To > m.First {
				m.To--
				c.Put[i].Value = encoded(m)
			}
		}
	}},
	"what is delivered forgotten before the cursor has passed it": {change: func(c *buffer.Change, _ buffer.LaneInfo) {
		for _, e := range c.Put {
			if m := manifestIn(e); m != nil && m.Delivered {
				c.Delete = append(c.Delete, e.Key)
			}
		}
	}},
	"a delivered mark before the delivery": {change: func(c *buffer.Change, _ buffer.LaneInfo) {
		for i, e := range c.Put {
			if m := manifestIn(e); m != nil {
				m.Delivered = true
				c.Put[i].Value = encoded(m)
			}
		}
	}},
	"the books not written with the cursor": {change: func(c *buffer.Change, _ buffer.LaneInfo) {
		c.Put = slices.DeleteFunc(c.Put, func(e buffer.Entry) bool { return strings.HasPrefix(e.Key, "totals") })
	}},
	"a record changed on its way": {batch: func(b *buffer.Batch) {
		for i, r := range b.Records {
			b.Records[i] = bytes.Replace(r, []byte(`"key":"b"`), []byte(`"key":"a"`), 1)
		}
	}},
	"keys forgotten": {batch: func(b *buffer.Batch) { b.Key = buffer.Key{} }},
	"keys forgotten over a crash": {crash: func(w *machine) {
		w.log.Elapsed = func() time.Duration { return time.Duration(w.lives) * 24 * time.Hour }
	}},
}

func manifestIn(e buffer.Entry) *delivery.Manifest {
	m, ok, err := delivery.DecodeManifest(e.Key, e.Value)
	if !ok || err != nil {
		return nil
	}
	return m
}

func encoded(m *delivery.Manifest) []byte {
	data, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return data
}

// Each mutant is found, and soon.
func TestMachineFindsMutants(t *testing.T) {
	const most = 3000 // histories
	for name, m := range mutants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range most {
				var found any
				rapid.Custom(func(rt *rapid.T) bool {
					inBubble(t, func() {
						defer func() { found = recover() }() // rapid would draw another history
						live(rt, m)
					})
					return true
				}).Example(seed)
				if found != nil {
					t.Logf("found by history %d: %v", seed, found)
					return
				}
			}
			t.Errorf("not found in %d histories", most)
		})
	}
}
