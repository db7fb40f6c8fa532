package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"hydrant/buffer"
	"hydrant/stream"
)

// gatheringLog lets no definition be durable before so many are on their way.
type gatheringLog struct {
	buffer.Log
	most  int
	come  chan struct{}
	fails string // the stream whose definition fails
}

func (l *gatheringLog) Define(ctx context.Context, d buffer.Definition) (buffer.Version, error) {
	for l.come <- struct{}{}; len(l.come) < l.most; {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return buffer.Version{}, ctx.Err()
		}
	}
	if d.Name == l.fails {
		return buffer.Version{}, errors.New("no room")
	}
	return l.Log.Define(ctx, d)
}

// The definitions of a start share the log's groups, and one that fails is named.
func TestDefinitionsComeIntoForceTogether(t *testing.T) {
	streams := []stream.Stream{defined("a", "x/", 0), defined("b", "x/", 0), defined("c", "x/", 0)}
	for fails, want := range map[string]string{"": "", "b": "put stream b in force: no room"} {
		s := newStreams(t)
		s.log = &gatheringLog{Log: s.log, most: len(streams), come: make(chan struct{}, len(streams)), fails: fails}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		switch err := s.configure(ctx, streams); {
		case err == nil && want == "":
			s.want("a x file", "b x file", "c x file")
		case err == nil || want == "" || !strings.Contains(err.Error(), want):
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// noRoomForKeys is a ring that cannot write down a data key.
type noRoomForKeys struct{ dataKeys }

func (noRoomForKeys) Make(context.Context, string, buffer.DataKeyID) (buffer.DataKeyID, error) {
	return 0, errors.New("no room")
}

// Behind a definition that cannot be prepared none comes into force.
func TestNoDefinitionBehindOneThatFails(t *testing.T) {
	encrypted := defined("b", "x/", 0)
	encrypted.Encrypt = "local"
	s := newStreams(t)
	s.keys = noRoomForKeys{}
	err := s.configure(t.Context(), []stream.Stream{defined("a", "x/", 0), encrypted, defined("c", "x/", 0)})
	if err == nil || !strings.Contains(err.Error(), "put stream b in force: no room") {
		t.Errorf("got %v", err)
	}
	if known := s.log.Streams(); len(known) != 1 || known[0].Name != "a" {
		t.Errorf("the log has %v", known)
	}
}
