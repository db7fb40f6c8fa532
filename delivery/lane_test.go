package delivery

import (
	"context"
	"fmt"
	"testing"

	"hydrant/buffer"
	"hydrant/buffer/memlog"
	"hydrant/stream"
)

// silent is a destination that never answers.
type silent struct{ Destination }

func (silent) Create(ctx context.Context, _ *Object) error {
	<-ctx.Done()
	return ctx.Err()
}

// Two objects of one partition may be sealed in the same group; their ranges must not overlap, or the second could not be
// made again once the first is delivered.
func TestManifestsOfOneGroupDoNotOverlap(t *testing.T) {
	definition := stream.Stream{Name: "s", Prefix: "p/", Destination: stream.Destination{Directory: &stream.Directory{Path: "/nowhere"}}}.WithDefaults()
	log, id := new(memlog.Log).Open(), buffer.NewStreamID()
	if _, err := log.Define(t.Context(), buffer.Definition{Stream: id, Name: "s", Logic: 1, Data: definition.Encode()}); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(t.Context(), buffer.Batch{Stream: id, Records: [][]byte{[]byte("one"), []byte("two"), []byte("three")}}); err != nil {
		t.Fatal(err)
	}
	service := New(Config{}, Deps{Open: func(context.Context, stream.Destination) (Destination, error) { return silent{}, nil }})
	ctx, cancel := context.WithCancel(t.Context())
	err := log.Serve(ctx, func(ctx context.Context, in buffer.Lane) (failed error) {
		defer func() {
			if failed != nil { // Serve tells nothing of what ends with its context
				t.Error(failed)
			}
			cancel()
		}()
		l := newLane(newTracks(service, in), mainTrack, in.Info().Cursor)
		defer l.uploads.Wait()
		defer cancel()
		var b buffer.Block
		if err := in.Read(ctx, 0, &b); err != nil {
			return err
		}
		r, err := l.rulesOf(b.Version)
		if err != nil {
			return err
		}
		for record := range b.Records() {
			l.outputs = r.partitioner.Process(l.outputs[:0], uint64(record.Seq), record.Arrival, record.Data)
			l.add(r, record, &l.outputs[0])
			l.closeAll(reasonMemory, 1)
		}
		if err := l.seal(ctx); err != nil {
			return err
		}
		var to buffer.Seq
		for key, value := range in.State() {
			m, _, err := DecodeManifest(key, value)
			if err != nil {
				return err
			}
			if m.From != m.To-1 || m.Outputs != 1 {
				return fmt.Errorf("a manifest of one output covers %d to %d", m.From, m.To)
			}
			to = max(to, m.To)
		}
		if to != 3 {
			return fmt.Errorf("the manifests reach to %d, want 3", to)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A lane's next life goes on with its books, which would else fall to zero for a moment, and answers who asked the one before.
func TestNextLifeTakesOver(t *testing.T) {
	log, id := new(memlog.Log).Open(), buffer.NewStreamID()
	if _, err := log.Define(t.Context(), buffer.Definition{Stream: id, Name: "s", Logic: 1, Data: stream.Stream{Name: "s"}.Encode()}); err != nil {
		t.Fatal(err)
	}
	service := New(Config{}, Deps{})
	ctx, cancel := context.WithCancel(t.Context())
	err := log.Serve(ctx, func(ctx context.Context, in buffer.Lane) error {
		defer cancel()
		life := func() *lane { return newLane(newTracks(service, in), mainTrack, 0) }
		before := service.begin(life(), nil)
		before.totals.Delivered = 7
		before.publishTotals()
		next := service.begin(life(), before)
		if n := service.Books()["s"].Delivered; n != 7 {
			t.Errorf("%d records are delivered, by the books", n)
		}
		if next.looks != before.looks || next.done != before.done {
			t.Error("who asked the life before waits for ever")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
