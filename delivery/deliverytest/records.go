package deliverytest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"hydrant/delivery"
)

// RunRecords holds a destination to delivery.RecordKeeper's promises. open is called for each case and returns one without
// records, whose store keeps to conditions.
func RunRecords(t *testing.T, open func(t *testing.T) delivery.Destination) {
	for name, run := range map[string]func(*testing.T, delivery.RecordKeeper){
		"a record is replaced by who saw the latest": testReplace,
		"records have names":                         testNames,
		"one of many racers stores":                  testRecordRacers,
	} {
		t.Run(name, func(t *testing.T) {
			keeper, ok := open(t).(delivery.RecordKeeper)
			if !ok {
				t.Fatal("the destination keeps no records")
			}
			run(t, keeper)
		})
	}
}

func testReplace(t *testing.T, k delivery.RecordKeeper) {
	if _, _, err := k.LoadRecord(t.Context(), "lease"); !errors.Is(err, delivery.ErrNotExist) {
		t.Fatalf("LoadRecord of none = %v, want ErrNotExist", err)
	}
	mustStore(t, k, "lease", "", "first")
	first := mustLoad(t, k, "lease", "first")
	if err := k.StoreRecord(t.Context(), "lease", "", []byte("other")); !errors.Is(err, delivery.ErrExists) {
		t.Errorf("StoreRecord as the first of two = %v, want ErrExists", err)
	}
	mustStore(t, k, "lease", first, "second")
	if second := mustLoad(t, k, "lease", "second"); second == first {
		t.Errorf("the tag did not change with the record: %s", first)
	}
	if err := k.StoreRecord(t.Context(), "lease", first, []byte("other")); !errors.Is(err, delivery.ErrExists) {
		t.Errorf("StoreRecord with an old tag = %v, want ErrExists", err)
	}
	if err := k.StoreRecord(t.Context(), "gone", first, []byte("other")); !errors.Is(err, delivery.ErrExists) {
		t.Errorf("StoreRecord over one that was removed = %v, want ErrExists", err)
	}
	mustLoad(t, k, "lease", "second")
}

func testNames(t *testing.T, k delivery.RecordKeeper) {
	mustStore(t, k, "a", "", "one")
	mustStore(t, k, "b", "", "two")
	mustLoad(t, k, "a", "one")
	mustLoad(t, k, "b", "two")
	if place := k.RecordPlace("b"); !strings.HasPrefix(place, "the ") || !strings.Contains(place, "b") || place == k.RecordPlace("a") {
		t.Errorf("RecordPlace = %q, want words that name the record", place)
	}
}

func testRecordRacers(t *testing.T, k delivery.RecordKeeper) {
	tag := ""
	for round := range 5 {
		var stored atomic.Int32
		var winner atomic.Value
		var racing sync.WaitGroup
		for n := range 8 {
			racing.Go(func() {
				text := fmt.Sprint("round ", round, " racer ", n)
				switch err := k.StoreRecord(t.Context(), "lease", tag, []byte(text)); {
				case err == nil:
					stored.Add(1)
					winner.Store(text)
				case !errors.Is(err, delivery.ErrExists):
					t.Errorf("StoreRecord beside others = %v, want ErrExists", err)
				}
			})
		}
		racing.Wait()
		if stored.Load() != 1 {
			t.Fatalf("round %d: %d racers stored, want 1", round, stored.Load())
		}
		tag = mustLoad(t, k, "lease", winner.Load().(string))
	}
}

func mustStore(t *testing.T, k delivery.RecordKeeper, name, tag, text string) {
	t.Helper()
	if err := k.StoreRecord(t.Context(), name, tag, []byte(text)); err != nil {
		t.Fatalf("StoreRecord %s: %v", name, err)
	}
}

func mustLoad(t *testing.T, k delivery.RecordKeeper, name, want string) (tag string) {
	t.Helper()
	data, tag, err := k.LoadRecord(t.Context(), name)
	if err != nil || string(data) != want || tag == "" {
		t.Fatalf("LoadRecord %s = %q with tag %q, %v, want %q", name, data, tag, err, want)
	}
	return tag
}
