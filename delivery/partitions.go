package delivery

import (
	"context"
	"strings"
	"time"

	"hydrant/stream/expr"
)

// OpenPartition is a partition that takes records now.
type OpenPartition struct {
	Prefix  string    `json:"prefix"`          // with <random> where each object has a random string of its own
	Failure string    `json:"error,omitempty"` // the error output type; empty for data
	Records int64     `json:"records"`
	Bytes   int64     `json:"bytes"`  // before compression
	Oldest  time.Time `json:"oldest"` // arrival of the oldest record
}

// OpenPartitions are the oldest ones of a stream, and how many there are in all.
type OpenPartitions struct {
	Oldest []OpenPartition `json:"oldest"`
	Total  int             `json:"total"`
}

// look asks a lane for its partitions; there is room for the answer.
type look struct {
	limit  int
	answer chan<- OpenPartitions
}

// Partitions asks the lanes of a stream for what they have open, up to limit partitions of each. A lane at work answers
// between two blocks.
func (s *Service) Partitions(ctx context.Context, name string, limit int) (all OpenPartitions, err error) {
	all.Oldest = []OpenPartition{}
	lanes, _, _ := s.served()
	for _, l := range lanes {
		if l.info.Name != name || l.track != mainTrack {
			continue
		}
		answer := make(chan OpenPartitions, 1)
		select {
		case l.looks <- look{limit, answer}:
			of := <-answer
			all.Oldest, all.Total = append(all.Oldest, of.Oldest...), all.Total+of.Total
		case <-l.done:
		case <-ctx.Done():
			return all, ctx.Err()
		}
	}
	return all, nil
}

func (l *lane) openPartitions(limit int) OpenPartitions {
	all := OpenPartitions{Total: l.open.len}
	for o := range l.open.all() {
		if len(all.Oldest) == limit {
			break
		}
		all.Oldest = append(all.Oldest, OpenPartition{
			Prefix: strings.ReplaceAll(o.prefix, expr.RandomString, "<random>"), Failure: o.failure,
			Records: o.outputs, Bytes: o.bytes, Oldest: time.UnixMilli(o.arrival),
		})
	}
	return all
}
