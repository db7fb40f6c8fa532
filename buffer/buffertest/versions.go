package buffertest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"hydrant/buffer"
)

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
