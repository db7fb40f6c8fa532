package stream_test

import (
	"strings"
	"testing"
	"time"

	"hydrant/stream"
)

func TestPartitionFaults(t *testing.T) {
	const minute = stream.Duration(time.Minute)
	for _, x := range []struct {
		change func(*stream.Stream)
		want   string // empty for a good one
	}{
		{func(*stream.Stream) {}, ""},
		{func(s *stream.Stream) { s.Partitions.Max = 100_000 }, ""},
		{func(s *stream.Stream) { s.Partitions.Max = 100_001 }, "partitions.max: 100001 is not from 1 to 100000"},
		{func(s *stream.Stream) { s.Partitions.Exceeded = "error" }, ""},
		{func(s *stream.Stream) { s.Partitions.Exceeded = "flush" }, `partitions.exceeded: "flush" is not supported: write seal or error`},
		{func(s *stream.Stream) { s.Partitions.Max = -1 }, "partitions.max: -1 is not"},
		{func(s *stream.Stream) { s.Buffering.ColdInterval = 60 * minute }, ""},
		{func(s *stream.Stream) { s.Buffering.ColdInterval = minute / 2 }, "buffering.cold_interval: the interval is 30s; it must be from"},
		{func(s *stream.Stream) { s.Buffering.ColdInterval = 25 * 60 * minute }, "buffering.cold_interval: the interval is 25h"},
	} {
		faults := valid(x.change).Validate()
		if x.want == "" && len(faults) > 0 || x.want != "" && (len(faults) != 1 || !strings.HasPrefix(faults[0].String(), x.want)) {
			t.Errorf("got %v, want %q", faults, x.want)
		}
	}
}

func TestWhatIsCold(t *testing.T) {
	b := stream.Buffering{Size: 16 * stream.MiB, Interval: 1}
	if b.IsCold(0) {
		t.Error("an object may wait longer where no longer interval is given")
	}
	b.ColdInterval = 2
	if !b.IsCold(1<<20-1) || b.IsCold(1<<20) {
		t.Error("not a sixteenth of the size is what counts")
	}
	s := stream.Stream{Buffering: stream.Buffering{Interval: 3}, Backup: &stream.Backup{Buffering: b}}
	if got := s.LongestInterval(); got != 3 {
		t.Errorf("the longest interval is %v", got)
	}
	if s.Backup.Buffering.ColdInterval = 9; s.LongestInterval() != 9 {
		t.Error("the longest interval is not the backup's")
	}
}
