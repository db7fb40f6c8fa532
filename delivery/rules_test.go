package delivery

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"hydrant/buffer"
	"hydrant/buffer/memlog"
	"hydrant/stream"
)

// A lane keeps the rules of the version that it reads, and none of those before.
func TestRulesOfEarlierVersionsGo(t *testing.T) {
	log, id := new(memlog.Log).Open(), buffer.NewStreamID()
	for i := range 10 {
		d := stream.Stream{Name: "s", Prefix: fmt.Sprintf("%d/", i), Destination: stream.Destination{Directory: &stream.Directory{Path: "/nowhere"}}}
		d.Buffering.Interval = stream.Duration(time.Hour) // the last object stays open
		d = d.WithDefaults()
		if _, err := log.Define(t.Context(), buffer.Definition{Stream: id, Name: "s", Logic: 1, Data: d.Encode()}); err != nil {
			t.Fatal(err)
		}
		if _, err := log.Append(t.Context(), buffer.Batch{Stream: id, Records: [][]byte{[]byte("r")}}); err != nil {
			t.Fatal(err)
		}
	}
	s := New(Config{}, Deps{Open: func(ctx context.Context, _ stream.Destination) (Destination, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx, log) }()
	lookAt := func() OpenPartition {
		all, err := s.Partitions(ctx, "s", 1)
		if err != nil || len(all.Oldest) != 1 {
			return OpenPartition{}
		}
		return all.Oldest[0]
	}
	for !strings.HasPrefix(lookAt().Prefix, "9/") {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if n := len(s.lanes[laneKey{buffer.LaneID{Stream: id}, mainTrack}].rules); n != 1 {
		t.Errorf("the rules of %d versions are kept", n)
	}
}
