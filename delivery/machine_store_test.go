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
	slow // stored after a while
)

// machineStore is a store whose creations end as was drawn. It is guarded by the machine's mutex.
type machineStore struct {
	machine *machine

	objects  map[string]storedObject
	outcomes []outcome // of the next creations; then all are stored
	changed  []string  // what must never happen
}

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
	if next == notStored {
		return &delivery.Error{Op: "create", Key: o.Key, Refused: true, Err: io.ErrUnexpectedEOF}
	}
	body := string(bytes.Join(o.Body, nil))
	if before, ok := s.objects[o.Key]; ok {
		if before.body != body {
			s.changed = append(s.changed, fmt.Sprintf("%s was %q and is made again as %q", o.Key, before.body, body))
		}
		return delivery.ErrExists
	}
	s.objects[o.Key] = storedObject{body, o.Metadata}
	if next == answerLost {
		return &delivery.Error{Op: "create", Key: o.Key, Err: io.ErrUnexpectedEOF}
	}
	return nil
}

func (s *machineStore) Stat(_ context.Context, key string) (delivery.Metadata, error) {
	s.machine.mu.Lock()
	defer s.machine.mu.Unlock()
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
