package delivery

import (
	"fmt"
	"slices"
	"time"
)

// slowUpload is how long an attempt may take before it is told of: a destination that answers, but slowly, fails nothing and
// keeps everything waiting.
const slowUpload = 10 * time.Second

// Slow are the streams one of whose uploads has been under way for longer than it should, by stream.
func (s *Service) Slow() []Trouble {
	lanes, _, _ := s.served()
	var slow []Trouble
	for _, l := range lanes {
		if since, place := l.slowest(); !since.IsZero() && time.Since(since) > slowUpload {
			slow = append(slow, Trouble{
				Stream: l.info.Name, Backup: l.track == backupTrack, Since: since,
				Reason: fmt.Sprintf("an upload to %s has been under way for %v: the destination is slow, or the way there", place, time.Since(since).Round(time.Second)),
			})
		}
	}
	slices.SortFunc(slow, func(a, b Trouble) int { return a.Since.Compare(b.Since) })
	return slow
}

// uploading notes that an attempt begins, and returns what notes its end.
func (l *lane) uploading(o *object) (ended func()) {
	l.shared.Lock()
	defer l.shared.Unlock()
	if l.shared.uploads == nil {
		l.shared.uploads = map[*object]time.Time{}
	}
	l.shared.uploads[o] = time.Now()
	return func() {
		l.shared.Lock()
		defer l.shared.Unlock()
		delete(l.shared.uploads, o)
	}
}

// slowest is since when the oldest attempt that is under way has been, and where to; zero if there is none.
func (l *lane) slowest() (since time.Time, place string) {
	l.shared.Lock()
	defer l.shared.Unlock()
	for o, began := range l.shared.uploads {
		if since.IsZero() || began.Before(since) {
			since, place = began, o.manifest.Destination
		}
	}
	return since, place
}
