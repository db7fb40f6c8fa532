package buffertest

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"testing"
	"time"

	"hydrant/buffer"
)

// Window is what an engine under test is opened with: small enough to be passed.
var Window = buffer.Window{Age: 10 * time.Minute, Keys: 100}

var seed = maphash.MakeSeed()

// keyed is a batch with a key.
func keyed(id buffer.StreamID, key string, records ...string) buffer.Batch {
	b := buffer.Batch{Stream: id, Key: buffer.Key{ID: buffer.NewKeyID(id, "someone", "put", []byte(key))}}
	for _, r := range records {
		b.Records = append(b.Records, []byte(r))
		b.Key.Payload = b.Key.Payload*31 + maphash.String(seed, r)
	}
	return b
}

// put appends a batch and wants it stored now, or answered as one that was stored before.
func put(t *testing.T, log buffer.Log, b buffer.Batch, duplicate bool) buffer.Receipt {
	t.Helper()
	receipt, err := log.Append(within(t), b)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	if receipt.Duplicate != duplicate || receipt.Count != len(b.Records) {
		t.Fatalf("the receipt for %q is %+v, want duplicate %v", b.Records, receipt, duplicate)
	}
	return receipt
}

// putAgain wants the answer of the first.
func putAgain(t *testing.T, log buffer.Log, b buffer.Batch, first buffer.Receipt) {
	t.Helper()
	first.Duplicate = true
	if got := put(t, log, b, true); got != first {
		t.Errorf("the repetition was answered with %+v, want %+v", got, first)
	}
}

func openOne(t *testing.T, e Engine) (buffer.Log, buffer.StreamID) {
	t.Helper()
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	return log, id
}

func keyRepeated(t *testing.T, e Engine) {
	log, id := openOne(t, e)
	first := put(t, log, keyed(id, "k", "a", "b"), false)
	add(t, log, id, "between")
	putAgain(t, log, keyed(id, "k", "a", "b"), first)
	putAgain(t, log, keyed(id, "k", "a", "b"), first)
	add(t, log, id, "after")
	wantRecords(t, log, id, 0, "a", "b", "between", "after")
}

func keyReused(t *testing.T, e Engine) {
	log, id := openOne(t, e)
	first := put(t, log, keyed(id, "k", "a"), false)
	check := func(log buffer.Log) {
		t.Helper()
		for _, records := range [][]string{{"b"}, {"a", "a"}} {
			if _, err := log.Append(within(t), keyed(id, "k", records...)); !errors.Is(err, buffer.ErrKeyReused) {
				t.Errorf("%q under a used key: got %v, want ErrKeyReused", records, err)
			}
		}
		putAgain(t, log, keyed(id, "k", "a"), first)
	}
	check(log)
	e.Crash(t)
	log = e.Open(t)
	check(log)
	add(t, log, id, "after")
	wantRecords(t, log, id, 0, "a", "after")
}

// Stream, principal, operation and key tell two batches apart, and so does where one ends and the next begins.
func keyScoped(t *testing.T, e Engine) {
	log, id := openOne(t, e)
	other := buffer.NewStreamID()
	define(t, log, other, "t", "v1")
	for _, key := range []buffer.KeyID{
		buffer.NewKeyID(id, "p", "o", []byte("k")),
		buffer.NewKeyID(id, "po", "", []byte("k")),
		buffer.NewKeyID(id, "", "po", []byte("k")),
		buffer.NewKeyID(id, "p", "", []byte("ok")),
		buffer.NewKeyID(id, "p", "ok", nil),
	} {
		put(t, log, buffer.Batch{Stream: id, Records: [][]byte{[]byte("a")}, Key: buffer.Key{ID: key}}, false)
	}
	put(t, log, keyed(id, "k", "b"), false)
	put(t, log, keyed(other, "k", "c"), false)
	wantRecords(t, log, id, 0, "a", "a", "a", "a", "a", "b")
	wantRecords(t, log, other, 0, "c")
}

func keyInFlight(t *testing.T, e Engine) {
	log, id := openOne(t, e)
	const keys, times = 20, 8
	var mu sync.Mutex
	receipts := map[buffer.Receipt]int{}
	var wg sync.WaitGroup
	for n := range keys {
		for range times {
			wg.Go(func() {
				receipt, err := log.Append(within(t), keyed(id, fmt.Sprint(n), fmt.Sprint(n), "x"))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				receipts[receipt]++
				mu.Unlock()
			})
		}
	}
	wg.Wait()
	for r, n := range receipts {
		if want := map[bool]int{false: 1, true: times - 1}[r.Duplicate]; n != want {
			t.Errorf("%d batches were answered with %+v, want %d", n, r, want)
		}
	}
	if got := log.Stats().Streams[id].Accepted; got != 2*keys || len(receipts) != 2*keys {
		t.Errorf("%d records were stored under %d receipts, want %d under %d", got, len(receipts), 2*keys, 2*keys)
	}
}

// A crash at any moment leaves a batch and its key, or neither: sent again, each is there exactly once.
func keyCrash(t *testing.T, e Engine) {
	const appenders, batches = 4, 20
	log, id := openOne(t, e)
	var wg sync.WaitGroup
	started := make(chan bool, appenders)
	for a := range appenders {
		wg.Go(func() {
			for n := range batches {
				if _, err := log.Append(within(t), keyed(id, fmt.Sprint(a, n), fmt.Sprint(a, n), "x")); err != nil {
					t.Error(err)
				}
				if n == batches/4 {
					started <- true
				}
			}
		})
	}
	<-started
	e.Crash(t)
	wg.Wait()
	log = e.Open(t)
	for a := range appenders {
		for n := range batches {
			if _, err := log.Append(within(t), keyed(id, fmt.Sprint(a, n), fmt.Sprint(a, n), "x")); err != nil {
				t.Error(err)
			}
		}
	}
	const want = 2 * appenders * batches
	seen := map[string]int{}
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		got, err := readAll(ctx, lane, 0, want)
		for _, r := range got {
			seen[r.data]++
		}
		return err
	})
	if got := log.Stats().Streams[id].Accepted; got != want || seen["x"] != want/2 || len(seen) != want/2+1 {
		t.Errorf("%d records were stored, %d of them different, want %d and %d", got, len(seen), want, want/2+1)
	}
}

// Who gave up waiting does not know whether the batch is there: the same batch again tells, and stores it if it is not.
func keyUnanswered(t *testing.T, e Engine) {
	log, id := openOne(t, e)
	for n := range 20 {
		ctx, cancel := context.WithCancel(within(t))
		go cancel()
		_, _ = log.Append(ctx, keyed(id, fmt.Sprint(n), "a"))
		if _, err := log.Append(within(t), keyed(id, fmt.Sprint(n), "a")); err != nil {
			t.Fatal(err)
		}
	}
	if got := log.Stats().Streams[id].Accepted; got != 20 {
		t.Errorf("%d records were stored, want 20", got)
	}
}

func keyExpires(t *testing.T, e Engine) {
	log, id := openOne(t, e)
	first := put(t, log, keyed(id, "k", "a"), false)
	e.Advance(Window.Age - time.Millisecond)
	putAgain(t, log, keyed(id, "k", "a"), first)
	e.Advance(time.Millisecond)
	second := put(t, log, keyed(id, "k", "b"), false)
	putAgain(t, log, keyed(id, "k", "b"), second)
	wantRecords(t, log, id, 0, "a", "b")
	if s := log.Stats(); s.Keys != 1 || s.KeysExpiredEarly != 0 {
		t.Errorf("%d keys, %d expired early, want 1 and 0", s.Keys, s.KeysExpiredEarly)
	}
}

// After a restart a key lives as long as it had left, by what is known of its age, and never longer than the window.
func keyAgesOverRestarts(t *testing.T, e Engine) {
	log, id := openOne(t, e)
	old := put(t, log, keyed(id, "old", "a"), false)
	e.Advance(Window.Age / 2)
	late := put(t, log, keyed(id, "late", "b"), false)
	e.Crash(t)
	log = e.Open(t)
	e.Advance(Window.Age/2 - time.Second)
	putAgain(t, log, keyed(id, "old", "a"), old)
	putAgain(t, log, keyed(id, "late", "b"), late)
	e.Advance(time.Second)
	put(t, log, keyed(id, "old", "a"), false)
	putAgain(t, log, keyed(id, "late", "b"), late)
	e.Advance(Window.Age / 2)
	put(t, log, keyed(id, "late", "b"), false)
}

func keyCount(t *testing.T, e Engine) {
	log, id := openOne(t, e)
	const early = 5
	for n := range Window.Keys + early {
		put(t, log, keyed(id, fmt.Sprint(n), "a"), false)
	}
	if s := log.Stats(); s.Keys != Window.Keys || s.KeysExpiredEarly != early {
		t.Errorf("%d keys, %d expired early, want %d and %d", s.Keys, s.KeysExpiredEarly, Window.Keys, early)
	}
	for _, crashed := range []bool{false, true} {
		if crashed {
			e.Crash(t)
			log = e.Open(t)
		}
		put(t, log, keyed(id, fmt.Sprint(Window.Keys), "a"), true)
		put(t, log, keyed(id, fmt.Sprint(early), "a"), true)
	}
	put(t, log, keyed(id, fmt.Sprint(early-1), "a"), false) // and the oldest makes room for it
	put(t, log, keyed(id, fmt.Sprint(early), "a"), false)
}

func keyOutlivesRecords(t *testing.T, e Engine) {
	log, id := openOne(t, e)
	first := put(t, log, keyed(id, "k", "a"), false)
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		return lane.Commit(ctx, buffer.Change{Cursor: first.First})
	})
	for range 3 {
		putAgain(t, log, keyed(id, "k", "a"), first)
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		log = e.Open(t)
		putAgain(t, log, keyed(id, "k", "a"), first)
		e.Crash(t)
		log = e.Open(t)
	}
	if got := log.Stats().Streams[id]; got.Accepted != 1 || got.Pending != 0 {
		t.Errorf("the books say %+v, want 1 record, settled", got)
	}
}

func keyOfRefusedBatch(t *testing.T, e Engine) {
	log, id := openOne(t, e)
	unknown := keyed(id, "k", "a")
	unknown.Stream = buffer.NewStreamID()
	if _, err := log.Append(within(t), unknown); !errors.Is(err, buffer.ErrUnknownStream) {
		t.Fatalf("got %v, want ErrUnknownStream", err)
	}
	put(t, log, keyed(id, "k", "b"), false)
}

func keyBooks(t *testing.T, e Engine) {
	log, id := openOne(t, e)
	put(t, log, keyed(id, "k", "aa"), false)
	before := log.Stats().Streams[id]
	put(t, log, keyed(id, "k", "aa"), true)
	if after := log.Stats().Streams[id]; after != before {
		t.Errorf("a repetition changed the books from %+v to %+v", before, after)
	}
}
