package buffertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"hydrant/buffer"
)

func defineDeriving(t *testing.T, log buffer.Log, id buffer.StreamID, data string) buffer.Version {
	t.Helper()
	v, err := log.Define(within(t), buffer.Definition{Stream: id, Name: "s", Logic: 1, Data: []byte(data), Derives: true})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// arrival is that of all derived records.
var arrival = time.UnixMilli(1_700_000_000_000)

func derivation(v buffer.Version, records ...string) *buffer.Derivation {
	d := &buffer.Derivation{Version: v}
	for i, r := range records {
		d.Records = append(d.Records, buffer.Derived{Arrival: arrival.UnixMilli() + int64(i), Data: []byte(r)})
	}
	return d
}

// derive settles a stream's records up to cursor with what was made of them.
func derive(t *testing.T, log buffer.Log, id buffer.StreamID, cursor buffer.Seq, d *buffer.Derivation) {
	t.Helper()
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		return lane.Commit(ctx, buffer.Change{Cursor: cursor, Derived: d})
	})
}

// wantDerived reads the derived lane from its cursor on, and that there is nothing more.
func wantDerived(t *testing.T, log buffer.Log, id buffer.StreamID, want ...read) {
	t.Helper()
	serveLane(t, log, buffer.LaneID{Stream: id}.Derived(), func(ctx context.Context, lane buffer.Lane) error {
		got, err := readAll(ctx, lane, lane.Info().Cursor, len(want))
		if err != nil {
			return err
		}
		for i, r := range got {
			if r.data != want[i].data || r.version != want[i].version {
				return fmt.Errorf("derived record %d is %q of version %d, want %q of %d", i, r.data, r.version, want[i].data, want[i].version)
			}
		}
		if info := lane.Info(); len(got) > 0 && info.Head != got[len(got)-1].seq || !info.ID.IsDerived() || info.Name != "s" {
			return fmt.Errorf("the derived lane says %+v after %d records", info, len(got))
		}
		return nil
	})
}

func derived(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	v := defineDeriving(t, log, id, "v1")
	first := add(t, log, id, "a", "b", "c").First
	memory := derivation(v, "A", "", "B")
	derive(t, log, id, first+1, memory)
	copy(memory.Records[0].Data, "x")
	wantDerived(t, log, id, read{data: "A", version: 1}, read{data: "", version: 1}, read{data: "B", version: 1})

	if s := log.Streams(); len(s) != 1 || s[0].ID != id {
		t.Errorf("the streams are %+v, want the one", s)
	}
	add(t, log, id, "d")
	wantRecords(t, log, id, first+1, "c", "d")
	books := log.Stats().Streams[id]
	if len(log.Stats().Streams) != 1 || books.Accepted != 4 || books.Pending != 5 || !books.OldestArrival.Equal(arrival) {
		t.Errorf("the books are %+v, want 4 accepted, 2 and 3 derived pending since %v", books, arrival)
	}
	serveLane(t, log, buffer.LaneID{Stream: id}.Derived(), func(ctx context.Context, lane buffer.Lane) error {
		var b buffer.Block
		if err := lane.Read(ctx, 0, &b); err != nil {
			return err
		}
		for r := range b.Records() {
			if want := arrival.UnixMilli() + int64(r.Seq-b.First); r.Arrival != want {
				return fmt.Errorf("a derived record arrived at %d, want its source's %d", r.Arrival, want)
			}
		}
		return lane.Commit(ctx, buffer.Change{Cursor: b.Last(), Put: []buffer.Entry{{Key: "k", Value: []byte("derived")}}})
	})
	serve(t, log, id, wantState(map[string]string{}))
	if got := log.Stats().Streams[id].Pending; got != 2 {
		t.Errorf("%d records are pending after the derived ones are settled, want 2", got)
	}
}

func largeDerived(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	v := defineDeriving(t, log, id, "v1")
	first := add(t, log, id, "a", "b").First
	large := patterned(buffer.MaxDerived)
	derive(t, log, id, first, derivation(v, "A", large))
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		if lane.Commit(ctx, buffer.Change{Cursor: first + 1, Derived: derivation(v, large+"B")}) == nil {
			return errors.New("a derived record above MaxDerived was taken")
		}
		return nil
	})
	wantDerived(t, log, id, read{data: "A", version: 1}, read{data: large, version: 1})
}

func derivationIsWhole(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	v := defineDeriving(t, log, id, "v1")
	last := add(t, log, id, "a").First
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		if lane.Commit(ctx, buffer.Change{Cursor: last + 1, Derived: derivation(v, "A")}) == nil {
			return errors.New("a cursor beyond the last record was taken")
		}
		if lane.Commit(ctx, buffer.Change{Cursor: last, Derived: derivation(v)}) == nil {
			return errors.New("a derivation without a record was taken")
		}
		if got := lane.Info().Cursor; got >= last {
			return fmt.Errorf("the cursor is %d after changes that were refused", got)
		}
		return nil
	})
	derive(t, log, id, last, derivation(v, "B"))
	wantDerived(t, log, id, read{data: "B", version: 1})
}

func derivedCrash(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	v := defineDeriving(t, log, id, "v1")
	var want []read
	for i := range 5 {
		last := add(t, log, id, fmt.Sprint("r", i)).First
		record := fmt.Sprint("R", i)
		derive(t, log, id, last, derivation(v, record))
		want = append(want, read{data: record, version: 1})
		e.Crash(t)
		log = e.Open(t)
		serve(t, log, id, func(_ context.Context, lane buffer.Lane) error {
			if got := lane.Info().Cursor; got != last {
				return fmt.Errorf("the cursor is %d after a crash, want %d", got, last)
			}
			return nil
		})
		wantDerived(t, log, id, want...)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	log = e.Open(t)
	wantDerived(t, log, id, want...)
	if got := log.Stats().Streams[id]; got.Accepted != 5 || got.Pending != 5 {
		t.Errorf("the books are %+v, want 5 accepted and 5 pending", got)
	}
}

func derivedVersions(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	v1 := defineDeriving(t, log, id, "one")
	a := add(t, log, id, "a").First
	define(t, log, id, "s", "two") // derives for good
	b := add(t, log, id, "b").First
	v3 := defineDeriving(t, log, id, "three")
	c := add(t, log, id, "c").First
	derive(t, log, id, a, derivation(v1, "A1", "A2"))
	derive(t, log, id, b, nil)
	derive(t, log, id, c, derivation(v3, "C"))
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		if lane.Commit(ctx, buffer.Change{Derived: derivation(v1, "late")}) == nil {
			return errors.New("records of an older version were derived after those of a newer one")
		}
		return nil
	})
	want := []read{{data: "A1", version: 1}, {data: "A2", version: 1}, {data: "C", version: 3}}
	check := func(log buffer.Log, inUse ...uint64) {
		t.Helper()
		got := log.Streams()[0]
		var numbers []uint64
		for _, v := range got.InUse {
			numbers = append(numbers, v.Number)
		}
		if !slices.Equal(numbers, inUse) {
			t.Errorf("in use are the versions %d, want %d", numbers, inUse)
		}
		if string(got.Current.Data) != "three" {
			t.Errorf("in force is %+v, want the third version", got.Current)
		}
	}
	wantDerived(t, log, id, want...)
	check(log, 1, 3)
	e.Crash(t)
	log = e.Open(t)
	wantDerived(t, log, id, want...)
	check(log, 1, 3)
	serveLane(t, log, buffer.LaneID{Stream: id}.Derived(), func(ctx context.Context, lane buffer.Lane) error {
		got, err := readAll(ctx, lane, 0, 2)
		if err != nil {
			return err
		}
		return lane.Commit(ctx, buffer.Change{Cursor: got[1].seq})
	})
	check(log, 3)
	e.Crash(t)
	log = e.Open(t)
	wantDerived(t, log, id, want[2])
	check(log, 3)
	define(t, log, id, "s", "three") // again: what is derived under the version before is not settled yet
	check(log, 3, 4)
	serveLane(t, log, buffer.LaneID{Stream: id}.Derived(), func(_ context.Context, lane buffer.Lane) error {
		return lane.Commit(t.Context(), buffer.Change{Cursor: lane.Info().Head})
	})
	check(log, 4)
	e.Crash(t)
	check(e.Open(t), 4)
}

// Who reads while records are derived finds the version of each, also of the first ones under a new version.
func derivedVersionsComeFirst(t *testing.T, e Engine) {
	const versions = 40
	log, id := e.Open(t), buffer.NewStreamID()
	v := defineDeriving(t, log, id, "v")
	add(t, log, id, "a")
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	read := func(lane buffer.Lane) error {
		var b buffer.Block
		for seq := buffer.Seq(0); seq < versions; seq = b.Last() {
			for ctx.Err() == nil && lane.Info().Head == seq { // to read as soon as there is something
			}
			if err := lane.Read(ctx, seq, &b); err != nil {
				return err
			}
			if b.Version == nil || b.Version.Number != uint64(b.Last()) { // each record has its own
				return fmt.Errorf("the record behind %d is read under %+v", seq, b.Version)
			}
		}
		return nil
	}
	result := make(chan error, 1)
	err := log.Serve(ctx, func(ctx context.Context, lane buffer.Lane) error {
		if lane.Info().ID.IsDerived() {
			result <- read(lane)
			cancel()
			return nil
		}
		for range versions {
			if err := lane.Commit(ctx, buffer.Change{Derived: derivation(v, "A")}); err != nil {
				return err
			}
			v.Number++
		}
		return nil
	})
	if err := errors.Join(err, <-result); err != nil {
		t.Fatal(err)
	}
}

func derivesNothing(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	v := define(t, log, id, "s", "v1")
	last := add(t, log, id, "a").First
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		if lane.Commit(ctx, buffer.Change{Cursor: last, Derived: derivation(v, "A")}) == nil {
			return errors.New("a stream that was not defined to derive records did")
		}
		return wantState(map[string]string{})(ctx, lane)
	})
	if got := log.Stats().Streams[id].Pending; got != 1 {
		t.Errorf("%d records are pending, want 1", got)
	}
}
