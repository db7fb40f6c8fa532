package delivery_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"pgregory.net/rapid"

	"hydrant/delivery"
)

// outcome is how a creation ends.
type outcome int

const (
	stored outcome = iota
	answerLost
	notStored
	forbidden // not stored, for a reason that an operator mends
	slow      // stored after a while
	late      // the same, after it was given up
)

// tardiness is how late what is late is stored.
const tardiness = 5 * time.Second

// machineStore is a store whose creations end as was drawn. It is guarded by the machine's mutex.
type machineStore struct {
	machine *machine

	objects  map[string]storedObject
	outcomes []outcome // of the next creations; then all are stored
	blind    int       // how many of the next looks fail
	record   []byte    // of its lease
	changed  []string  // what must never happen
}

// machineAddress is where a store is reached.
type machineAddress struct {
	*machineStore
	place string
}

// errAway is the trouble of an address where nobody answers.
var errAway = &delivery.Error{Op: "dial", Refused: true, Err: io.ErrClosedPipe}

// away reports whether the store is not reached there any more.
func (a machineAddress) away() bool {
	a.machine.mu.Lock()
	defer a.machine.mu.Unlock()
	return a.machine.left[a.place]
}

func (a machineAddress) Create(ctx context.Context, o *delivery.Object) error {
	if a.away() {
		return errAway
	}
	return a.machineStore.Create(ctx, o)
}

func (a machineAddress) Stat(ctx context.Context, key string) (delivery.Metadata, error) {
	if a.away() {
		return delivery.Metadata{}, errAway
	}
	return a.machineStore.Stat(ctx, key)
}

// LoadRecord implements delivery.RecordKeeper.
func (a machineAddress) LoadRecord(context.Context, string) ([]byte, string, error) {
	if a.away() {
		return nil, "", errAway
	}
	a.machine.mu.Lock()
	defer a.machine.mu.Unlock()
	if a.record == nil {
		return nil, "", delivery.ErrNotExist
	}
	return a.record, string(a.record), nil
}

// StoreRecord implements delivery.RecordKeeper.
func (a machineAddress) StoreRecord(_ context.Context, _, tag string, data []byte) error {
	if a.away() {
		return errAway
	}
	a.machine.mu.Lock()
	defer a.machine.mu.Unlock()
	if tag != string(a.record) {
		return delivery.ErrExists
	}
	if a.machine.strike() {
		return errDead
	}
	a.record = data
	return nil
}

// RecordPlace implements delivery.RecordKeeper.
func (a machineAddress) RecordPlace(string) string { return a.place }

type storedObject struct {
	body     string
	metadata delivery.Metadata
}

func (s *machineStore) Create(ctx context.Context, o *delivery.Object) error {
	s.machine.mu.Lock()
	next := stored
	if len(s.outcomes) > 0 {
		next, s.outcomes = s.outcomes[0], s.outcomes[1:]
	}
	s.machine.mu.Unlock()
	if next == slow {
		select {
		case <-time.After(3 * time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.machine.mu.Lock()
	defer s.machine.mu.Unlock()
	if s.machine.strike() {
		return errDead
	}
	made := storedObject{string(bytes.Join(o.Body, nil)), o.Metadata}
	switch next {
	case notStored:
		return &delivery.Error{Op: "create", Key: o.Key, Refused: true, Err: io.ErrUnexpectedEOF}
	case forbidden:
		return &delivery.Error{Op: "create", Key: o.Key, Class: delivery.Held, Refused: true, Err: io.ErrUnexpectedEOF}
	case late:
		time.AfterFunc(tardiness, func() {
			s.machine.mu.Lock()
			defer s.machine.mu.Unlock()
			_ = s.store(o.Key, made)
		})
	}
	if next != late {
		if err := s.store(o.Key, made); err != nil {
			return err
		}
	}
	if next == answerLost || next == late {
		return &delivery.Error{Op: "create", Key: o.Key, Err: io.ErrUnexpectedEOF}
	}
	return nil
}

// store keeps an object where there is none. Called with the machine's mutex held.
func (s *machineStore) store(key string, o storedObject) error {
	before, there := s.objects[key]
	if there && before.body != o.body {
		s.changed = append(s.changed, fmt.Sprintf("%s was %q and is made again as %q", key, before.body, o.body))
	}
	if there {
		return delivery.ErrExists
	}
	s.objects[key] = o
	return nil
}

func (s *machineStore) Stat(_ context.Context, key string) (delivery.Metadata, error) {
	s.machine.mu.Lock()
	defer s.machine.mu.Unlock()
	if s.blind > 0 {
		s.blind--
		return delivery.Metadata{}, &delivery.Error{Op: "stat", Key: key, Err: io.ErrUnexpectedEOF}
	}
	o, ok := s.objects[key]
	if !ok {
		return delivery.Metadata{}, delivery.ErrNotExist
	}
	return o.metadata, nil
}

func (s *machineStore) Open(_ context.Context, key string) (io.ReadCloser, error) {
	s.machine.mu.Lock()
	defer s.machine.mu.Unlock()
	return io.NopCloser(strings.NewReader(s.objects[key].body)), nil
}

// lines are all lines, each with its object's key.
func (s *machineStore) lines(t *rapid.T) map[string]string {
	s.machine.mu.Lock()
	defer s.machine.mu.Unlock()
	found := map[string]string{}
	for key, o := range s.objects {
		var n int64
		for line := range strings.Lines(o.body) {
			line = strings.TrimSuffix(line, "\n")
			if strings.HasPrefix(key, errorOutput) {
				line = rawOf(t, line)
			}
			if before, twice := found[line]; twice {
				t.Fatalf("%s is in %s and in %s", line, before, key)
			}
			found[line] = key
			n++
		}
		if n == 0 || n != o.metadata.Records {
			t.Fatalf("%s holds %d records and says %d", key, n, o.metadata.Records)
		}
	}
	if len(s.changed) > 0 {
		t.Fatal(s.changed[0])
	}
	return found
}
