package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"hydrant/buffer"
	"hydrant/buffer/memlog"
	"hydrant/delivery"
	"hydrant/gateway/ingest"
	"hydrant/stream"
)

// streamsUnderTest is a node's streams on a log in memory, with nobody who delivers.
type streamsUnderTest struct {
	madeStreams
	t         *testing.T
	discarded []buffer.StreamID
	hastened  []buffer.StreamID
}

func newStreams(t *testing.T) *streamsUnderTest {
	s := &streamsUnderTest{t: t}
	s.madeStreams = madeStreams{
		&streamSet{
			log: new(memlog.Log).Open(), logger: slog.New(slog.DiscardHandler), catalog: new(ingest.Catalog),
			discard: func(id buffer.StreamID) { s.discarded = append(s.discarded, id) }, hasten: func(id buffer.StreamID) { s.hastened = append(s.hastened, id) },
		},
		func() []delivery.Trouble { return nil },
		func(buffer.StreamID) []delivery.Report { return nil },
		func() map[string]delivery.Totals { return nil },
	}
	return s
}

// serve puts the streams in force that are made through the API: these and no others.
func (s *streamsUnderTest) serve(made ...stream.Stream) {
	s.t.Helper()
	if err := s.Serve(s.t.Context(), made); err != nil {
		s.t.Fatal(err)
	}
}

func defined(name, prefix string, revision uint64) stream.Stream {
	return stream.Stream{
		Name: name, Prefix: prefix, Revision: revision,
		Destination: stream.Destination{Directory: &stream.Directory{Path: "/x"}},
	}.WithDefaults()
}

// want looks at who is served: names, each with its prefix and whose it is.
func (s *streamsUnderTest) want(served ...string) {
	s.t.Helper()
	var got []string
	for _, x := range s.Streams() {
		owner := "api"
		if x.Configured {
			owner = "file"
		}
		got = append(got, x.Definition.Name+" "+x.Definition.Prefix[:1]+" "+owner)
		if found, ok := s.catalog.Lookup([]byte(x.Definition.Name)); !ok || !found.Accepting {
			s.t.Errorf("stream %s takes no records", x.Definition.Name)
		}
	}
	if !slices.Equal(got, served) {
		s.t.Errorf("got %q, want %q", got, served)
	}
}

func (s *streamsUnderTest) id(name string) buffer.StreamID {
	s.t.Helper()
	found, ok := s.catalog.Lookup([]byte(name))
	if !ok {
		s.t.Fatalf("stream %s is not known", name)
	}
	return found.ID
}

// Streams of the file and of the API change independently; where both define a name the file's is served.
func TestStreamsOfBothSides(t *testing.T) {
	s, ctx := newStreams(t), t.Context()
	file := func(streams ...stream.Stream) {
		t.Helper()
		if err := s.configure(ctx, streams); err != nil {
			t.Fatal(err)
		}
	}
	api := func(streams ...stream.Stream) {
		t.Helper()
		if err := s.Serve(ctx, streams); err != nil {
			t.Fatal(err)
		}
	}
	file(defined("f", "1/", 0))
	api(defined("a", "1/", 1))
	s.want("a 1 api", "f 1 file")
	file(defined("f", "2/", 0), defined("a", "9/", 0))
	s.want("a 9 file", "f 2 file")
	id := s.id("a")
	file()
	s.want("a 1 api")
	if s.id("a") != id {
		t.Error("the stream is another one")
	}
	api(defined("a", "1/", 2))
	if got := s.Streams()[0].Version; got != 4 {
		t.Errorf("an update that changes nothing else is version %d, want 4", got)
	}
	api()
	s.want()
	if found, ok := s.catalog.Lookup([]byte("a")); !ok || found.Accepting {
		t.Error("a stream that is not defined any more takes records, or is not known")
	}
}

// A stream that is deleted is gone for good, and one of its name made afterwards is another.
func TestDeletedStreamIsAnother(t *testing.T) {
	s, ctx := newStreams(t), t.Context()
	s.serve(defined("a", "1/", 1))
	first := s.id("a")
	if done, err := s.Discard(ctx, "a", ""); err != nil || !done || len(s.discarded) > 0 {
		t.Errorf("a stream that is served is discarded: %v", err)
	}
	if _, err := s.log.Append(ctx, buffer.Batch{Stream: first, Records: [][]byte{[]byte("x")}}); err != nil {
		t.Fatal(err)
	}
	s.serve()
	if done, err := s.Discard(ctx, "a", ""); err != nil || done || !slices.Equal(s.discarded, []buffer.StreamID{first}) {
		t.Errorf("with a record that is not settled: done %v, error %v, discarded %v", done, err, s.discarded)
	}
	if left := s.Drain("a"); left != 1 {
		t.Errorf("%d records are left, want 1", left)
	}
	if _, ok := s.catalog.Lookup([]byte("a")); ok {
		t.Error("producers still find the stream")
	}
	s.serve(defined("a", "1/", 1))
	if s.id("a") == first {
		t.Error("the stream is the same one")
	}
	s.discarded = nil
	s.discardDeleted()
	if !slices.Equal(s.discarded, []buffer.StreamID{first}) {
		t.Errorf("after a start %v are discarded, want the first alone", s.discarded)
	}
}

// settle has everything that a stream holds delivered.
func (s *streamsUnderTest) settle(id buffer.StreamID) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	err := s.log.Serve(ctx, func(ctx context.Context, lane buffer.Lane) error {
		if lane.Info().ID.Stream != id {
			<-ctx.Done()
			return nil
		}
		defer cancel()
		return lane.Commit(ctx, buffer.Change{Cursor: lane.Info().Head})
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		s.t.Fatal(err)
	}
}

// lateLog lets appends through when it is told to.
type lateLog struct {
	buffer.Log
	begun, goOn chan struct{}
}

func (l lateLog) Append(ctx context.Context, b buffer.Batch) (buffer.Receipt, error) {
	l.begun <- struct{}{}
	<-l.goOn
	return l.Log.Append(ctx, b)
}

// A request that found a stream before it was deleted stores nothing in it afterwards, and one that is just storing its
// records is waited for: else they would be acknowledged, and given up with what the stream held.
func TestLateRecordsOfADeletedStream(t *testing.T) {
	s, ctx := newStreams(t), t.Context()
	good := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	log := lateLog{s.log, make(chan struct{}), make(chan struct{})}
	in, err := ingest.New(ingest.Config{}, ingest.Deps{Log: log, Catalog: s.catalog})
	good(err)
	good(s.Serve(ctx, []stream.Stream{defined("a", "1/", 1)}))
	found, err := in.Stream(ctx, []byte("a"))
	good(err)
	send := func() error {
		request := in.Begin(nil, 0)
		defer request.End()
		request.Records = append(request.Records, []byte("late"))
		_, err := in.Append(ctx, found, request)
		return err
	}
	early := make(chan error)
	go func() { early <- send() }()
	<-log.begun
	good(s.Serve(ctx, nil))
	if s.Drain("a") == 0 {
		t.Error("nothing is left of a stream to which a request appends")
	}
	close(log.goOn)
	good(<-early)
	if left := s.Drain("a"); left != 1 {
		t.Errorf("%d records are left, want 1", left)
	}
	s.settle(found.ID)
	if left := s.Drain("a"); left != 0 {
		t.Errorf("%d records are left, want none", left)
	}
	go func() { <-log.begun }()
	if err := send(); ingest.AsError(err).Code != ingest.StreamNotAccepting {
		t.Errorf("a request that found the stream before it was deleted: %v, want a refusal", err)
	}
}

func incarnated(incarnation string) stream.Stream {
	d := defined("a", "1/", 1)
	d.Incarnation = incarnation
	return d
}

// A stream that was deleted and made again while this node was away is another one: what is held of the first is delivered
// before the second is served, and nothing of the first is served as the second.
func TestFormerStreamIsFinishedFirst(t *testing.T) {
	s, ctx := newStreams(t), t.Context()
	s.serve(incarnated("first"))
	first := s.id("a")
	if _, err := s.log.Append(ctx, buffer.Batch{Stream: first, Records: [][]byte{[]byte("x")}}); err != nil {
		t.Fatal(err)
	}
	s.serve(incarnated("first"))
	s.want("a 1 api")
	if s.id("a") != first || len(s.hastened) > 0 {
		t.Errorf("the same stream is another one, or hastened: %v", s.hastened)
	}
	for range 2 { // as the fleet's store is looked at again and again
		s.serve(incarnated("second"))
		s.want()
		if found, ok := s.catalog.Lookup([]byte("a")); !ok || found.Accepting || found.ID != first {
			t.Errorf("producers find %+v, want the first, which takes nothing", found)
		}
	}
	if !slices.Equal(s.hastened, []buffer.StreamID{first, first}) || len(s.discarded) > 0 {
		t.Errorf("hastened are %v and discarded %v, want the first hastened twice", s.hastened, s.discarded)
	}
	s.settle(first)
	s.serve(incarnated("second"))
	s.want("a 1 api")
	if s.id("a") == first || len(s.living()) != 1 {
		t.Error("the second goes on with what is the first's")
	}
}

// A stream that is given up takes nothing with it that an earlier one of its name has left here.
func TestFormerStreamIsNotDiscarded(t *testing.T) {
	s, ctx := newStreams(t), t.Context()
	s.serve(incarnated("first"))
	first := s.id("a")
	if _, err := s.log.Append(ctx, buffer.Batch{Stream: first, Records: [][]byte{[]byte("x")}}); err != nil {
		t.Fatal(err)
	}
	s.serve(incarnated("second"))
	s.serve()
	if done, err := s.Discard(ctx, "a", "second"); err != nil || !done || len(s.discarded) > 0 {
		t.Errorf("done %v, error %v, discarded %v, want nothing discarded", done, err, s.discarded)
	}
	if left, held := s.Undefined("a"); !held || left != 1 {
		t.Errorf("%d records of the first are left, held %v", left, held)
	}
	if _, err := s.Discard(ctx, "a", ""); err != nil || !slices.Equal(s.discarded, []buffer.StreamID{first}) {
		t.Errorf("discarded %v, error %v, want the first given up by name", s.discarded, err)
	}
}

// A stream that the configuration file takes over while it drains waits for its interval again.
func TestTakenOverStreamIsCalm(t *testing.T) {
	s, ctx := newStreams(t), t.Context()
	var calm []buffer.StreamID
	s.calm = func(id buffer.StreamID) { calm = append(calm, id) }
	s.serve(defined("a", "1/", 1))
	first := s.id("a")
	s.serve()
	calm = nil
	s.Drain("a")
	if err := s.configure(ctx, []stream.Stream{defined("a", "1/", 0)}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.hastened, []buffer.StreamID{first}) || !slices.Equal(calm, []buffer.StreamID{first}) {
		t.Errorf("hastened %v, calm %v, want %v in both", s.hastened, calm, first)
	}
}

// At a start nobody delivers yet, and there is nobody to be hastened.
func TestFormerStreamAtAStart(t *testing.T) {
	s, ctx := newStreams(t), t.Context()
	if err := s.Serve(ctx, []stream.Stream{incarnated("first")}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.log.Append(ctx, buffer.Batch{Stream: s.id("a"), Records: [][]byte{[]byte("x")}}); err != nil {
		t.Fatal(err)
	}
	s.hasten = nil
	if err := s.Serve(ctx, []stream.Stream{incarnated("second")}); err != nil {
		t.Fatal(err)
	}
	s.want()
}

// A definition without an incarnation is of a release that had none, and of the same stream.
func TestStreamsWithoutIncarnation(t *testing.T) {
	for _, x := range [][2]string{{"", "second"}, {"first", ""}} {
		s := newStreams(t)
		for _, incarnation := range x {
			if err := s.Serve(t.Context(), []stream.Stream{incarnated(incarnation)}); err != nil {
				t.Fatal(err)
			}
		}
		s.want("a 1 api")
		if len(s.log.Streams()) != 1 {
			t.Errorf("%q: the stream has become another one", x)
		}
	}
}
