package delivery

import (
	"context"
	"errors"
	"testing"
)

// What is drained is not called failed because it has ended since, or because nobody waits any more: not one time in two either.
func TestDrainedIsDrained(t *testing.T) {
	closed, open, ended := make(chan struct{}), make(chan struct{}), errors.New("ended")
	close(closed)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for range 1000 {
		if err := awaitDrained(over, closed, closed, ended); err != nil {
			t.Fatal(err)
		}
	}
	if err := awaitDrained(t.Context(), open, closed, ended); !errors.Is(err, ended) {
		t.Errorf("got %v", err)
	}
	if err := awaitDrained(over, open, open, ended); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
