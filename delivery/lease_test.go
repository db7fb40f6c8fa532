package delivery

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// keeper holds one record, as a store with conditions does.
type keeper struct {
	data  []byte
	loads int
	fail  error
	lose  bool // the answer to the next StoreRecord
}

func (k *keeper) LoadRecord(context.Context, string) ([]byte, string, error) {
	k.loads++
	if k.fail != nil {
		return nil, "", k.fail
	}
	if k.data == nil {
		return nil, "", ErrNotExist
	}
	return k.data, string(k.data), nil
}

func (k *keeper) StoreRecord(_ context.Context, _, tag string, data []byte) error {
	if string(k.data) != tag {
		return ErrExists
	}
	k.data = data
	if k.lose {
		k.lose = false
		return &Error{Op: "lease", Err: errors.New("the answer was lost")}
	}
	return nil
}

func (k *keeper) RecordPlace(name string) string { return "the record " + name }

// lives makes leases of one log, with a clock of their own.
type lives struct {
	keeper keeper
	now    time.Time
}

func (w *lives) life(node string, epoch uint64, name string) *lease {
	return &lease{
		keeper: &w.keeper, place: "s3://lake", now: func() time.Time { return w.now },
		ours: LeaseRecord{Log: "4711", Epoch: epoch, Life: name, Node: node},
	}
}

func (w *lives) pass(d time.Duration) { w.now = w.now.Add(d) }

func expectHeld(t *testing.T, l *lease) {
	t.Helper()
	if err := l.check(t.Context(), false); err != nil {
		t.Fatalf("the lease of %s = %v, want it held", l.ours.Life, err)
	}
}

func expectWait(t *testing.T, l *lease) {
	t.Helper()
	var known *Error
	if err := l.check(t.Context(), false); !errors.As(err, &known) || known.Class != Held || !known.Refused {
		t.Fatalf("the lease of %s = %v, want it to wait", l.ours.Life, err)
	}
}

func expectLost(t *testing.T, l *lease, to string) {
	t.Helper()
	var lost *LeaseError
	if err := l.check(t.Context(), false); !errors.As(err, &lost) || lost.Other.Life != to {
		t.Fatalf("the lease of %s = %v, want it lost to %s", l.ours.Life, err, to)
	}
}

func TestLeaseOfRestartsInPlace(t *testing.T) {
	var w lives
	for epoch := uint64(1); epoch < 5; epoch++ {
		expectHeld(t, w.life("a", epoch, string(rune('0'+epoch))))
	}
}

func TestLeaseIsRenewedOnlyNowAndThen(t *testing.T) {
	var w lives
	l := w.life("a", 1, "first")
	for range 100 {
		expectHeld(t, l)
	}
	if w.keeper.loads != 1 {
		t.Errorf("%d looks at the lease within no time, want 1", w.keeper.loads)
	}
	before := string(w.keeper.data)
	w.pass(renewEvery)
	expectHeld(t, l)
	if string(w.keeper.data) == before {
		t.Error("the lease was not renewed")
	}
}

// A copy that starts at the same or a lower epoch is refused at once and by name.
func TestLeaseRefusesACopy(t *testing.T) {
	for _, epoch := range []uint64{5, 6} {
		var w lives
		expectHeld(t, w.life("original", 6, "o"))
		l := w.life("copy", epoch, "c")
		before := string(w.keeper.data)
		expectLost(t, l, "o")
		expectLost(t, l, "o")
		if string(w.keeper.data) != before {
			t.Error("the copy wrote the lease")
		}
		if text := l.lost.Error(); !strings.Contains(text, "node original, epoch 6") || !strings.Contains(text, "remove the record 4711 and restart") {
			t.Errorf("the message is %q", text)
		}
	}
}

// A copy that was started more often has the higher epoch: it waits for a sign of life.
func TestLeaseOfALivingNodeIsNotTakenOver(t *testing.T) {
	var w lives
	original, other := w.life("original", 6, "o"), w.life("copy", 9, "c")
	expectHeld(t, original)
	expectWait(t, other)
	w.pass(renewEvery)
	expectHeld(t, original)
	expectLost(t, other, "o")
}

func TestLeaseOfADeadNodeIsTakenOver(t *testing.T) {
	var w lives
	original, moved := w.life("old machine", 6, "o"), w.life("new machine", 7, "m")
	expectHeld(t, original)
	expectWait(t, moved)
	w.pass(leaseTTL / 2)
	expectWait(t, moved)
	w.pass(leaseTTL / 2)
	expectHeld(t, moved)
	expectLost(t, original, "m") // should it come back
}

func TestReleasedLeaseIsFreeAtOnce(t *testing.T) {
	var w lives
	first := w.life("old machine", 6, "o")
	expectHeld(t, first)
	first.release(t.Context())
	expectHeld(t, w.life("new machine", 7, "n"))
	expectLost(t, w.life("copy", 7, "c"), "n")
}

// Once refused, a data directory stays refused however often it starts, until the operator removes the other's lease.
func TestRefusedStaysRefused(t *testing.T) {
	var w lives
	expectHeld(t, w.life("original", 6, "o"))
	w.pass(time.Hour)
	l := w.life("copy", 100, "c")
	var lost *LeaseError
	if err := l.check(t.Context(), true); !errors.As(err, &lost) {
		t.Fatalf("check = %v, want it refused", err)
	}
	w.keeper.data = nil
	if err := w.life("copy", 101, "d").check(t.Context(), true); err != nil {
		t.Errorf("check after the operator removed the record: %v", err)
	}
}

func TestLeaseWhoseAnswerWasLost(t *testing.T) {
	var w lives
	l := w.life("a", 1, "first")
	w.keeper.lose = true
	if err := l.check(t.Context(), false); err == nil || l.held {
		t.Errorf("check = %v, held %v, want the trouble", err, l.held)
	}
	expectHeld(t, l)
	w.keeper.fail = &Error{Op: "lease", Err: errors.New("down")}
	expectHeld(t, l)
	w.pass(renewEvery)
	if err := l.check(t.Context(), false); !errors.Is(err, w.keeper.fail) {
		t.Errorf("check = %v, want the store's trouble", err)
	}
}

func TestDamagedLease(t *testing.T) {
	w := lives{keeper: keeper{data: []byte("{")}}
	expectWait(t, w.life("a", 1, "first"))
}
