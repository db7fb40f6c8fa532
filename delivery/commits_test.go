package delivery

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"hydrant/buffer"
	"hydrant/stream"
)

// Where objects wait for room, one commit settles an object and seals the next one.
func TestSettlingAndSealingShareACommit(t *testing.T) {
	definition := stream.Stream{
		Name: "s", Prefix: "key=!{partitionKeyFromQuery:key}/", PartitionKeys: map[string]string{"key": ".key"},
		Destination: stream.Destination{Directory: &stream.Directory{Path: "/nowhere"}},
		Buffering:   stream.Buffering{Size: 64 << 20, Interval: stream.Duration(time.Hour)},
	}.WithDefaults()
	log := &countedBacklog{backlog: newBacklog(definition, 20, 64<<10)}
	created := new(countedCreates)
	deliverAll(t, Config{Waiting: 1}, log, created)
	objects, commits := created.Load(), log.commits.Load()
	if objects < 10 || commits != objects+1 {
		t.Errorf("%d commits for %d objects, want one for the first manifest, and one for each object", commits, objects)
	}
}

// countedBacklog counts its commits.
type countedBacklog struct {
	*backlog
	commits atomic.Int64
}

func (l *countedBacklog) Serve(ctx context.Context, run func(context.Context, buffer.Lane) error) error {
	return run(ctx, l)
}

func (l *countedBacklog) Commit(ctx context.Context, c buffer.Change) error {
	l.commits.Add(1)
	return l.backlog.Commit(ctx, c)
}

// countedCreates is a destination that takes everything, and counts.
type countedCreates struct {
	discarding
	atomic.Int64
}

func (c *countedCreates) Create(context.Context, *Object) error {
	c.Add(1)
	return nil
}
