package deliverytest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hydrant/delivery"
)

var errCut = errors.New("connection cut")

func TestMemory(t *testing.T) {
	Run(t, func(*testing.T) delivery.Destination { return NewMemory() })
}

func TestMemoryRecords(t *testing.T) {
	RunRecords(t, func(*testing.T) delivery.Destination { return NewMemory() })
}

func TestMemoryWithoutMetadata(t *testing.T) {
	Run(t, func(*testing.T) delivery.Destination {
		m := NewMemory()
		m.KeepNoMetadata()
		return m
	})
}

func TestMemoryFails(t *testing.T) {
	m := NewMemory()
	m.Fail(Create, 2, errCut)
	for range 2 {
		err := m.Create(t.Context(), object("key", []byte("body")))
		var trouble *delivery.Error
		if !errors.As(err, &trouble) || !errors.Is(err, errCut) || trouble.Class != delivery.Transient || !trouble.Refused {
			t.Fatalf("Create = %#v, want a transient, refused error", err)
		}
		expectMissing(t, m, "key")
	}
	mustCreate(t, m, object("key", []byte("body")))
	if got, want := m.Calls(Create), 3; got != want {
		t.Errorf("Calls(Create) = %d, want %d", got, want)
	}
}

func TestMemoryLosesReply(t *testing.T) {
	m := NewMemory()
	o := object("key", []byte("body"))
	m.LoseReply(Create, 1, errCut)
	err := m.Create(t.Context(), o)
	var trouble *delivery.Error
	if !errors.As(err, &trouble) || trouble.Refused || trouble.Op != Create || trouble.Key != "key" {
		t.Fatalf("Create = %#v, want an error that is not refused", err)
	}
	expect(t, m, o)
	if err := m.Create(t.Context(), o); !errors.Is(err, delivery.ErrExists) {
		t.Errorf("Create again = %v, want ErrExists", err)
	}
}

func TestMemoryKeepsTheChosenError(t *testing.T) {
	m := NewMemory()
	m.Fail(Stat, 1, &delivery.Error{Class: delivery.Throttled, Err: errCut})
	_, err := m.Stat(t.Context(), "key")
	want := delivery.Error{Op: Stat, Key: "key", Class: delivery.Throttled, Err: errCut}
	var got *delivery.Error
	if !errors.As(err, &got) || *got != want {
		t.Errorf("Stat = %+v, want %+v", err, want)
	}
	m.Fail(Create, 1, delivery.ErrExists)
	if err := m.Create(t.Context(), object("key")); !errors.Is(err, delivery.ErrExists) {
		t.Errorf("Create = %v, want ErrExists", err)
	}
}

func TestMemoryHook(t *testing.T) {
	m := NewMemory()
	var keys []string
	m.Hook(Create, func(_ context.Context, key string) error {
		keys = append(keys, key)
		if key == "bad" {
			return errCut
		}
		return nil
	})
	mustCreate(t, m, object("good", []byte("body")))
	if err := m.Create(t.Context(), object("bad")); !errors.Is(err, errCut) {
		t.Errorf("Create = %v, want the hook's error", err)
	}
	m.Hook(Create, nil)
	mustCreate(t, m, object("later"))
	if want := []string{"good", "bad"}; !slices.Equal(keys, want) {
		t.Errorf("hook saw %q, want %q", keys, want)
	}
	if got, want := m.Keys(), []string{"good", "later"}; !slices.Equal(got, want) {
		t.Errorf("Keys() = %q, want %q", got, want)
	}
}

func TestMemoryDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory()
		m.Delay(time.Minute)
		start := time.Now()
		mustCreate(t, m, object("key"))
		if got := time.Since(start); got != time.Minute {
			t.Errorf("Create took %v, want %v", got, time.Minute)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := m.Open(ctx, "key"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Open = %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

func TestMemoryObject(t *testing.T) {
	m := NewMemory()
	piece := []byte("body")
	mustCreate(t, m, object("key", piece))
	piece[0] = 'X' // the caller's memory is its own again
	o, ok := m.Object("key")
	if !ok || len(o.Body) != 1 || string(o.Body[0]) != "body" {
		t.Errorf("Object = %q, %v, want body", o.Body, ok)
	}
	expect(t, m, object("key", []byte("body")))
	m.Remove("key")
	expectMissing(t, m, "key")
	if err := m.Create(t.Context(), object("")); err == nil {
		t.Error("Create with an empty key succeeded")
	}
}
