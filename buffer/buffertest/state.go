package buffertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"hydrant/buffer"
)

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
