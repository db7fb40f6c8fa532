package buffertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"hydrant/buffer"
)

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
