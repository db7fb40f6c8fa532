// Package buffertest is the executable contract of buffer.Log: every engine passes it.
package buffertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"hydrant/buffer"
)

// Engine opens and breaks a log under test.
type Engine interface {
	// Open opens the log, or opens it again after Close or Crash.
	Open(t *testing.T) buffer.Log
	// Crash ends the log as a killed process would: nothing is closed, what was synced is there at the next Open.
	Crash(t *testing.T)
	// Advance moves the clock by which keys age. The log is opened with Window.
	Advance(d time.Duration)
	// Damage makes records of a stream unreadable, between a Crash and the next Open. They are one whole batch.
	Damage(t *testing.T, stream buffer.StreamID, from, to buffer.Seq)
	// DataKeys are the engine's own, with which the log is opened.
	DataKeys() *DataKeys
}

// Run runs every test of the contract, each on an engine of its own, with plain streams and with encrypted ones.
func Run(t *testing.T, engine func(t *testing.T) Engine) {
	for name, test := range map[string]func(*testing.T, Engine){
		"append and read":                  appendAndRead,
		"an empty record is a record":      emptyRecord,
		"a large record":                   largeRecord,
		"records are copied":               recordsAreCopied,
		"unknown stream":                   unknownStream,
		"an empty batch is refused":        emptyBatch,
		"read waits for the next block":    readWaits,
		"read ends with its context":       readEnds,
		"read from the middle":             readFromTheMiddle,
		"readers are independent":          readersAreIndependent,
		"restart keeps everything":         restart,
		"crash keeps what was acked":       crash,
		"sequences never repeat":           sequencesNeverRepeat,
		"versions are in force by record":  versions,
		"versions retire with the cursor":  versionsRetire,
		"versions retire at once":          versionsRetireAtOnce,
		"state survives":                   state,
		"a commit is all or nothing":       commitIsWhole,
		"the cursor settles":               cursor,
		"the cursor cannot pass the head":  cursorBeyondHead,
		"the books survive":                books,
		"damage is told and passed":        damage,
		"many appenders":                   manyAppenders,
		"streams are independent":          streams,
		"serve starts lanes as they come":  serveStartsLanes,
		"serve returns a run's error":      serveReturnsErrors,
		"closed":                           closed,
		"the origin changes at each start": origin,

		"derived records are the stream's own":         derived,
		"a derivation is all or nothing":               derivationIsWhole,
		"derived records and their cursor survive":     derivedCrash,
		"derived records keep their sources' versions": derivedVersions,
		"derived records are read with their version":  derivedVersionsComeFirst,
		"only a stream that derives has a lane for it": derivesNothing,

		"a repeated batch is stored once":          keyRepeated,
		"another payload is refused":               keyReused,
		"keys are scoped":                          keyScoped,
		"repetitions in flight":                    keyInFlight,
		"keys and records survive together":        keyCrash,
		"an unanswered batch can be sent again":    keyUnanswered,
		"keys expire by time":                      keyExpires,
		"time in which the log is closed is free":  keyAgesOverRestarts,
		"keys expire by count":                     keyCount,
		"keys outlive their records":               keyOutlivesRecords,
		"a refused batch leaves its key free":      keyOfRefusedBatch,
		"a repetition is answered without records": keyBooks,
	} {
		t.Run(name, func(t *testing.T) { test(t, engine(t)) })
		t.Run(name+", encrypted", func(t *testing.T) {
			t.Parallel() // engines wait for their disk
			test(t, encrypted{engine(t)})
		})
	}
	t.Run("data keys change", func(t *testing.T) { keysChange(t, engine(t)) })
	t.Run("a data key is lost and found", func(t *testing.T) { keyLost(t, engine(t)) })
}

// patience bounds every wait: far above what a slow machine needs.
const patience = 5 * time.Minute

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func define(t *testing.T, log buffer.Log, id buffer.StreamID, name, data string) buffer.Version {
	t.Helper()
	v, err := log.Define(within(t), buffer.Definition{Stream: id, Name: name, Logic: 1, Data: []byte(data)})
	if err != nil {
		t.Fatalf("Define %s: %v", name, err)
	}
	return v
}

func add(t *testing.T, log buffer.Log, id buffer.StreamID, records ...string) buffer.Receipt {
	t.Helper()
	b := buffer.Batch{Stream: id}
	for _, r := range records {
		b.Records = append(b.Records, []byte(r))
	}
	receipt, err := log.Append(within(t), b)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	if receipt.Count != len(records) {
		t.Fatalf("Append of %d records: receipt counts %d", len(records), receipt.Count)
	}
	return receipt
}

// serve runs fn on the lane of one stream and returns when fn has.
func serve(t *testing.T, log buffer.Log, id buffer.StreamID, fn func(ctx context.Context, lane buffer.Lane) error) {
	t.Helper()
	serveLane(t, log, buffer.LaneID{Stream: id}, fn)
}

// serveLane is serve for one lane of several.
func serveLane(t *testing.T, log buffer.Log, id buffer.LaneID, fn func(ctx context.Context, lane buffer.Lane) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	var once sync.Once
	var result error
	err := log.Serve(ctx, func(ctx context.Context, lane buffer.Lane) error {
		if lane.Info().ID != id {
			<-ctx.Done()
			return nil
		}
		once.Do(func() { result = fn(ctx, lane) })
		cancel()
		return nil
	})
	if err := errors.Join(err, result); err != nil {
		t.Fatal(err)
	}
}

type read struct {
	seq     buffer.Seq
	data    string
	version uint64
}

// readAll reads n records above after.
func readAll(ctx context.Context, lane buffer.Lane, after buffer.Seq, n int) ([]read, error) {
	var out []read
	var b buffer.Block
	for len(out) < n {
		if err := lane.Read(ctx, after, &b); err != nil {
			return out, fmt.Errorf("read above %d, %d of %d records so far: %w", after, len(out), n, err)
		}
		if b.Version == nil {
			return out, fmt.Errorf("block at %d has no version", b.First)
		}
		for r := range b.Records() {
			if r.Seq > after {
				out = append(out, read{r.Seq, string(r.Data), b.Version.Number})
				after = r.Seq
			}
		}
	}
	return out, nil
}

func wantRecords(t *testing.T, log buffer.Log, id buffer.StreamID, after buffer.Seq, want ...string) {
	t.Helper()
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		got, err := readAll(ctx, lane, after, len(want))
		if err != nil {
			return err
		}
		for i, r := range got {
			if r.data != want[i] {
				return fmt.Errorf("record %d is %.40q, want %.40q", i, r.data, want[i])
			}
		}
		return nil
	})
}

func appendAndRead(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	first := add(t, log, id, "a", "b", "c")
	second := add(t, log, id, "d")
	if first.First == 0 || second.First != first.First+3 {
		t.Errorf("receipts begin at %d and %d, want sequences from 1 without a gap", first.First, second.First)
	}
	wantRecords(t, log, id, 0, "a", "b", "c", "d")
}

func emptyRecord(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	add(t, log, id, "", "x", "")
	wantRecords(t, log, id, 0, "", "x", "")
}

func largeRecord(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	large := make([]byte, buffer.MaxRecord)
	for i := range large {
		large[i] = byte(i * i >> 7)
	}
	add(t, log, id, "before", string(large), "after")
	wantRecords(t, log, id, 0, "before", string(large), "after")
	_, err := log.Append(within(t), buffer.Batch{Stream: id, Records: [][]byte{append(large, 0)}})
	if err == nil {
		t.Error("a record above MaxRecord was taken")
	}
}

func recordsAreCopied(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	memory := []byte("precious")
	if _, err := log.Append(within(t), buffer.Batch{Stream: id, Records: [][]byte{memory}}); err != nil {
		t.Fatal(err)
	}
	copy(memory, "poisoned")
	wantRecords(t, log, id, 0, "precious")
}

func unknownStream(t *testing.T, e Engine) {
	log := e.Open(t)
	_, err := log.Append(within(t), buffer.Batch{Stream: buffer.NewStreamID(), Records: [][]byte{[]byte("x")}})
	if !errors.Is(err, buffer.ErrUnknownStream) {
		t.Errorf("got %v, want ErrUnknownStream", err)
	}
}

func emptyBatch(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	if _, err := log.Append(within(t), buffer.Batch{Stream: id}); err == nil {
		t.Error("a batch without a record was taken")
	}
}

func readWaits(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() { add(t, log, id, "late") })
		_, err := readAll(ctx, lane, 0, 1)
		return err
	})
}

func readEnds(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		if err := lane.Read(ctx, 0, new(buffer.Block)); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("got %v, want the context's error", err)
		}
		return nil
	})
}

func readFromTheMiddle(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	add(t, log, id, "a", "b", "c")
	add(t, log, id, "d", "e")
	wantRecords(t, log, id, 2, "c", "d", "e")
	wantRecords(t, log, id, 4, "e")
}

// readersAreIndependent has several readers of one lane at different places, while records come in.
func readersAreIndependent(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	const records, readers = 200, 4
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		var wg sync.WaitGroup
		errs := make([]error, readers)
		for i := range readers {
			wg.Go(func() {
				after := buffer.Seq(i * records / readers)
				got, err := readAll(ctx, lane, after, records-int(after))
				for j, r := range got {
					if want := fmt.Sprint(int(after) + j); err == nil && r.data != want {
						err = fmt.Errorf("reader %d: record %d is %q, want %q", i, r.seq, r.data, want)
					}
				}
				errs[i] = err
			})
		}
		for i := range records {
			add(t, log, id, fmt.Sprint(i))
		}
		wg.Wait()
		return errors.Join(errs...)
	})
}

func restart(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	add(t, log, id, "a", "b")
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	log = e.Open(t)
	last := add(t, log, id, "c")
	wantRecords(t, log, id, 0, "a", "b", "c")
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	wantRecords(t, e.Open(t), id, last.First-1, "c")
}

func crash(t *testing.T, e Engine) {
	id := buffer.NewStreamID()
	log := e.Open(t)
	define(t, log, id, "s", "v1")
	var want []string
	for round := range 3 {
		for i := range 10 {
			record := fmt.Sprintf("%d/%d", round, i)
			add(t, log, id, record)
			want = append(want, record)
		}
		e.Crash(t)
		log = e.Open(t)
		wantRecords(t, log, id, 0, want...)
	}
}

func sequencesNeverRepeat(t *testing.T, e Engine) {
	id := buffer.NewStreamID()
	log := e.Open(t)
	define(t, log, id, "s", "v1")
	last := add(t, log, id, "a", "b", "c").First + 2
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		return lane.Commit(ctx, buffer.Change{Cursor: last})
	})
	for range 3 {
		e.Crash(t)
		log = e.Open(t)
		next := add(t, log, id, "x").First
		if next <= last {
			t.Fatalf("sequence %d was given again after a restart, %d was used", next, last)
		}
		last = next
	}
}

func versions(t *testing.T, e Engine) {
	id := buffer.NewStreamID()
	log := e.Open(t)
	v1 := define(t, log, id, "s", "one")
	add(t, log, id, "a")
	v2 := define(t, log, id, "s", "two")
	if v1.Number != 1 || v2.Number != 2 {
		t.Errorf("versions are %d and %d, want 1 and 2", v1.Number, v2.Number)
	}
	add(t, log, id, "b")
	check := func(log buffer.Log) {
		t.Helper()
		serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
			got, err := readAll(ctx, lane, 0, 2)
			if err == nil && (got[0].version != 1 || got[1].version != 2) {
				err = fmt.Errorf("records were read under versions %d and %d, want 1 and 2", got[0].version, got[1].version)
			}
			return err
		})
		s := log.Streams()
		if len(s) != 1 || s[0].Name != "s" || string(s[0].Current.Data) != "two" || len(s[0].InUse) != 2 {
			t.Errorf("streams are %+v", s)
		}
	}
	check(log)
	e.Crash(t)
	check(e.Open(t))
}

func versionsRetire(t *testing.T, e Engine) {
	id := buffer.NewStreamID()
	log := e.Open(t)
	define(t, log, id, "s", "one")
	add(t, log, id, "a")
	define(t, log, id, "s", "two")
	last := add(t, log, id, "b").First
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		return lane.Commit(ctx, buffer.Change{Cursor: last})
	})
	check := func(log buffer.Log) {
		t.Helper()
		if s := log.Streams()[0]; len(s.InUse) != 1 || s.InUse[0].Number != 2 {
			t.Errorf("in use are %+v, want version 2 alone", s.InUse)
		}
	}
	check(log)
	e.Crash(t)
	check(e.Open(t))
}

// versionsRetireAtOnce: where nothing is pending, a new definition leaves no use for the one before it.
func versionsRetireAtOnce(t *testing.T, e Engine) {
	id := buffer.NewStreamID()
	log := e.Open(t)
	inUse := func(log buffer.Log, want ...uint64) {
		t.Helper()
		s := log.Streams()[0]
		var got []uint64
		for _, v := range s.InUse {
			got = append(got, v.Number)
		}
		if !slices.Equal(got, want) || s.Current.Number != want[len(want)-1] {
			t.Errorf("in use are versions %d, in force is %d; want %d", got, s.Current.Number, want)
		}
	}
	define(t, log, id, "s", "one")
	define(t, log, id, "s", "two")
	inUse(log, 2)
	last := add(t, log, id, "a").First
	define(t, log, id, "s", "three")
	inUse(log, 2, 3)
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		return lane.Commit(ctx, buffer.Change{Cursor: last})
	})
	inUse(log, 3)
	define(t, log, id, "s", "four")
	inUse(log, 4)
	e.Crash(t)
	log = e.Open(t)
	inUse(log, 4)
	add(t, log, id, "b")
	define(t, log, id, "s", "five")
	inUse(log, 4, 5)
	wantRecords(t, log, id, last, "b")
}

func entries(lane buffer.Lane) map[string]string {
	out := map[string]string{}
	for k, v := range lane.State() {
		out[k] = string(v)
	}
	return out
}

func wantState(want map[string]string) func(context.Context, buffer.Lane) error {
	return func(_ context.Context, lane buffer.Lane) error {
		got := entries(lane)
		keys := slices.Sorted(func(yield func(string) bool) {
			for k := range got {
				if !yield(k) {
					return
				}
			}
		})
		if len(got) != len(want) {
			return fmt.Errorf("state holds %v, want %v", keys, want)
		}
		for k, v := range want {
			if got[k] != v {
				return fmt.Errorf("state of %q is %q, want %q", k, got[k], v)
			}
		}
		return nil
	}
}

func state(t *testing.T, e Engine) {
	id := buffer.NewStreamID()
	log := e.Open(t)
	define(t, log, id, "s", "v1")
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		if err := lane.Commit(ctx, buffer.Change{Put: []buffer.Entry{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("2")}}}); err != nil {
			return err
		}
		return lane.Commit(ctx, buffer.Change{Put: []buffer.Entry{{Key: "a", Value: []byte("3")}}, Delete: []string{"b", "absent"}})
	})
	want := map[string]string{"a": "3"}
	serve(t, log, id, wantState(want))
	e.Crash(t)
	log = e.Open(t)
	serve(t, log, id, wantState(want))
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	serve(t, e.Open(t), id, wantState(want))
}

func commitIsWhole(t *testing.T, e Engine) {
	id := buffer.NewStreamID()
	log := e.Open(t)
	define(t, log, id, "s", "v1")
	last := add(t, log, id, "a").First
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		err := lane.Commit(ctx, buffer.Change{Put: []buffer.Entry{{Key: "k", Value: []byte("v")}}, Cursor: last + 1})
		if err == nil {
			return errors.New("a cursor beyond the last record was taken")
		}
		return wantState(map[string]string{})(ctx, lane)
	})
}

func cursor(t *testing.T, e Engine) {
	id := buffer.NewStreamID()
	log := e.Open(t)
	define(t, log, id, "s", "v1")
	first := add(t, log, id, "a", "b", "c", "d").First
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		if err := lane.Commit(ctx, buffer.Change{Cursor: first + 1}); err != nil {
			return err
		}
		return lane.Commit(ctx, buffer.Change{Cursor: first}) // it never falls
	})
	check := func(log buffer.Log) {
		t.Helper()
		serve(t, log, id, func(_ context.Context, lane buffer.Lane) error {
			if got := lane.Info(); got.Cursor != first+1 || got.Head != first+3 {
				return fmt.Errorf("cursor %d, head %d, want %d and %d", got.Cursor, got.Head, first+1, first+3)
			}
			return nil
		})
		if got := log.Stats().Streams[id].Pending; got != 2 {
			t.Errorf("pending records: %d, want 2", got)
		}
		wantRecords(t, log, id, first+1, "c", "d")
	}
	check(log)
	e.Crash(t)
	check(e.Open(t))
}

func cursorBeyondHead(t *testing.T, e Engine) {
	id := buffer.NewStreamID()
	log := e.Open(t)
	define(t, log, id, "s", "v1")
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		if err := lane.Commit(ctx, buffer.Change{Cursor: 1}); err == nil {
			return errors.New("a cursor beyond the last record was taken")
		}
		return nil
	})
}

func books(t *testing.T, e Engine) {
	id := buffer.NewStreamID()
	log := e.Open(t)
	define(t, log, id, "s", "v1")
	add(t, log, id, "aa", "bbb")
	last := add(t, log, id, "c").First
	check := func(log buffer.Log, pending int64) {
		t.Helper()
		got := log.Stats().Streams[id]
		if got.Accepted != 3 || got.AcceptedBytes != 6 || got.Pending != pending {
			t.Errorf("the books say %+v, want 3 records of 6 bytes accepted, %d pending", got, pending)
		}
		if got.OldestArrival.IsZero() != (pending == 0) {
			t.Errorf("oldest arrival %v with %d pending", got.OldestArrival, pending)
		}
	}
	check(log, 3)
	e.Crash(t)
	log = e.Open(t)
	check(log, 3)
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		return lane.Commit(ctx, buffer.Change{Cursor: last})
	})
	check(log, 0)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	check(e.Open(t), 0)
}

func manyAppenders(t *testing.T, e Engine) {
	const appenders, batches, size = 16, 25, 3
	id := buffer.NewStreamID()
	log := e.Open(t)
	define(t, log, id, "s", "v1")
	var mu sync.Mutex
	want := map[buffer.Seq]string{}
	var wg sync.WaitGroup
	for a := range appenders {
		wg.Go(func() {
			for n := range batches {
				var records []string
				for i := range size {
					records = append(records, fmt.Sprintf("%d/%d/%d", a, n, i))
				}
				receipt := add(t, log, id, records...)
				mu.Lock()
				for i, r := range records {
					want[receipt.First+buffer.Seq(i)] = r
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	e.Crash(t)
	log = e.Open(t)
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		got, err := readAll(ctx, lane, 0, appenders*batches*size)
		for _, r := range got {
			if want[r.seq] != r.data {
				return fmt.Errorf("record %d is %q, its receipt was for %q", r.seq, r.data, want[r.seq])
			}
		}
		return err
	})
}

func streams(t *testing.T, e Engine) {
	a, b := buffer.NewStreamID(), buffer.NewStreamID()
	log := e.Open(t)
	define(t, log, a, "a", "v1")
	define(t, log, b, "b", "v1")
	add(t, log, a, "a1")
	last := add(t, log, b, "b1").First
	add(t, log, a, "a2")
	serve(t, log, b, func(ctx context.Context, lane buffer.Lane) error {
		return lane.Commit(ctx, buffer.Change{Put: []buffer.Entry{{Key: "k", Value: []byte("b")}}, Cursor: last})
	})
	e.Crash(t)
	log = e.Open(t)
	wantRecords(t, log, a, 0, "a1", "a2")
	serve(t, log, a, wantState(map[string]string{}))
	serve(t, log, b, wantState(map[string]string{"k": "b"}))
}

func serveStartsLanes(t *testing.T, e Engine) {
	log := e.Open(t)
	a, b := buffer.NewStreamID(), buffer.NewStreamID()
	define(t, log, a, "a", "v1")
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	started := make(chan buffer.StreamID, 2)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := log.Serve(ctx, func(ctx context.Context, lane buffer.Lane) error {
			started <- lane.Info().ID.Stream
			<-ctx.Done()
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
	if got := <-started; got != a {
		t.Errorf("started %s first, want %s", got, a)
	}
	define(t, log, b, "b", "v1")
	if got := <-started; got != b {
		t.Errorf("started %s then, want %s", got, b)
	}
	cancel()
	wg.Wait()
}

func serveReturnsErrors(t *testing.T, e Engine) {
	log := e.Open(t)
	a, b := buffer.NewStreamID(), buffer.NewStreamID()
	define(t, log, a, "a", "v1")
	define(t, log, b, "b", "v1")
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	bad := errors.New("bad lane")
	failed := make(chan struct{})
	err := log.Serve(ctx, func(ctx context.Context, lane buffer.Lane) error {
		if lane.Info().ID.Stream == a {
			close(failed)
			return bad
		}
		<-failed
		if ctx.Err() != nil {
			t.Error("one lane's error ended another lane")
		}
		cancel()
		<-ctx.Done()
		return nil
	})
	if err != nil && !errors.Is(err, bad) {
		t.Errorf("Serve returned %v, want the lane's error", err)
	}
}

func closed(t *testing.T, e Engine) {
	id := buffer.NewStreamID()
	log := e.Open(t)
	define(t, log, id, "s", "v1")
	for range 2 {
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := log.Append(within(t), buffer.Batch{Stream: id, Records: [][]byte{[]byte("x")}}); !errors.Is(err, buffer.ErrClosed) {
		t.Errorf("Append returned %v, want ErrClosed", err)
	}
	if _, err := log.Define(within(t), buffer.Definition{Stream: id, Name: "s"}); !errors.Is(err, buffer.ErrClosed) {
		t.Errorf("Define returned %v, want ErrClosed", err)
	}
}

func origin(t *testing.T, e Engine) {
	id := buffer.NewStreamID()
	log := e.Open(t)
	define(t, log, id, "s", "v1")
	var before, after buffer.Origin
	serve(t, log, id, func(_ context.Context, lane buffer.Lane) error { before = lane.Info().Origin; return nil })
	e.Crash(t)
	log = e.Open(t)
	serve(t, log, id, func(_ context.Context, lane buffer.Lane) error { after = lane.Info().Origin; return nil })
	if before.Log != after.Log || after.Epoch <= before.Epoch {
		t.Errorf("origin was %v and is %v, want the same log and a higher epoch", before, after)
	}
}
