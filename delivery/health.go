package delivery

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Trouble is why a stream is not being delivered as it should.
type Trouble struct {
	Stream  string
	Backup  bool // of the stream's backup; the stream itself may be well
	Stopped bool // for good, until somebody has looked; else it resumes by itself
	Reason  string
	Since   time.Time
}

// Health returns what is wrong now, by stream; of a stream and its backup apart.
func (s *Service) Health() []Trouble {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Trouble
	for _, l := range s.lanes {
		if t := l.trouble(); t != nil {
			out = append(out, *t)
		}
	}
	for _, f := range s.functions {
		if t := f.trouble(); t != nil {
			out = append(out, *t)
		}
	}
	slices.SortFunc(out, func(a, b Trouble) int {
		return cmp.Or(strings.Compare(a.Stream, b.Stream), strings.Compare(a.Reason, b.Reason))
	})
	return out
}
